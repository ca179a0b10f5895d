import { SottoError } from '../../protocol/errors.js';
import { viewOf } from '../bytes.js';
import { lastGranule, readPages } from './ogg-pages.js';
import { parseOpusHead } from './opus-head.js';
import { type PacketCodec, type PacketDecoder, createPacketDecoder } from '../packet-decoder.js';
import { type PcmBlock, type PcmSource } from '../pcm-source.js';
import { truncatedError } from '../raw-pcm.js';
import { type PositionedFile, quotePath } from '../positioned-file.js';
import { Trimmer } from '../trimmer.js';

/** The content of the first packet of a stream. */
interface OggCodec {
  readonly codec: PacketCodec;
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples to drop before the audio. */
  readonly preSkip: number;
  /** Number of header packets. */
  readonly headerPackets: number;
}

/** Pages searched for an audio stream: the first pages of all streams come first. */
const MAX_LEADING_PAGES = 64;

/** Opens Ogg with Opus, Vorbis or FLAC; ignores other streams (Theora, Skeleton). */
export async function openOgg(source: PositionedFile): Promise<PcmSource> {
  const info = await findAudioStream(source);
  const last = await lastGranule(source, info.serial);
  const samples = last === undefined ? 0 : last - info.preSkip;
  return {
    container: 'ogg',
    codec: info.codec,
    sampleRate: info.sampleRate,
    channels: info.channels,
    durationSeconds: samples > 0 ? samples / info.sampleRate : undefined,
    blocks: () => decodeStreams(source),
  };
}

async function findAudioStream(source: PositionedFile): Promise<OggCodec & { serial: number }> {
  let seen = 0;
  for await (const page of readPages(source)) {
    const [packet] = page.packets;
    const codec = page.firstOfStream && packet !== undefined ? identify(packet) : undefined;
    if (codec !== undefined) return { ...codec, serial: page.serial };
    if (++seen === MAX_LEADING_PAGES) break;
  }
  throw new SottoError(
    'AUDIO_UNSUPPORTED',
    `${quotePath(source.path)} is an Ogg file without Opus, Vorbis or FLAC audio`,
    {
      hint: 'convert it to WAV, FLAC or MP3',
    },
  );
}

function identify(packet: Uint8Array): OggCodec | undefined {
  const name = String.fromCharCode(...packet.subarray(0, 8));
  const view = viewOf(packet);
  if (name === 'OpusHead') {
    const { channels, preSkip } = parseOpusHead(packet);
    return { codec: 'opus', sampleRate: 48000, channels, preSkip, headerPackets: 2 };
  }
  if (name.startsWith('\x01vorbis') && packet.length >= 30) {
    const [channels, sampleRate] = [view.getUint8(11), view.getUint32(12, true)];
    if (channels === 0 || sampleRate === 0) return undefined;
    return { codec: 'vorbis', sampleRate, channels, preSkip: 0, headerPackets: 3 };
  }
  if (name.startsWith('\x7fFLAC') && packet.length >= 51) {
    const packed = view.getUint32(27, false); // STREAMINFO's rate and channels, after 9 + 4 + 4 bytes
    const sampleRate = packed >>> 12;
    if (sampleRate === 0) return undefined;
    const channels = ((packed >>> 9) & 7) + 1;
    return { codec: 'flac', sampleRate, channels, preSkip: 0, headerPackets: 1 + view.getUint16(7, false) };
  }
  return undefined;
}

/** Decodes the links of a chain (one stream after another, as radio recorders write them) in order. */
async function* decodeStreams(source: PositionedFile): AsyncGenerator<PcmBlock> {
  let stream: LogicalStream | undefined;
  const pages = readPages(source);
  try {
    let next = await pages.next();
    for (; next.done !== true; next = await pages.next()) {
      const page = next.value;
      const [first] = page.packets;
      if (page.firstOfStream && first !== undefined && (stream === undefined || stream.ended)) {
        const codec = identify(first);
        if (codec !== undefined) {
          stream?.free();
          stream = new LogicalStream(page.serial, codec);
        }
      }
      if (stream === undefined || page.serial !== stream.serial) continue;
      const block = await stream.decode(page.packets, page.granule, page.lastOfStream);
      if (block !== undefined) yield block;
    }
    if (next.value) throw truncatedError(source.path);
  } finally {
    await pages.return(false);
    stream?.free();
  }
}

/** One logical bitstream (RFC 3533), from its header packets to its last page. */
class LogicalStream {
  ended = false;
  readonly #headers: Uint8Array[] = [];
  #decoder: PacketDecoder | undefined;
  readonly #codec: OggCodec;
  readonly #trim: Trimmer;
  /** Samples decoded, including those to be trimmed. */
  #decoded = 0;
  /** Granule of the first decoded sample: not 0 if the recording starts in mid-stream. */
  #origin: number | undefined;

  constructor(
    readonly serial: number,
    codec: OggCodec,
  ) {
    this.#codec = codec;
    this.#trim = new Trimmer(codec.preSkip);
  }

  async decode(
    packets: readonly Uint8Array[],
    granule: number | undefined,
    last: boolean,
  ): Promise<PcmBlock | undefined> {
    const missing = this.#codec.headerPackets - this.#headers.length;
    if (missing > 0) this.#headers.push(...packets.slice(0, missing));
    const audioPackets = packets.slice(Math.max(0, missing));
    if (last) this.ended = true;
    if (this.#headers.length < this.#codec.headerPackets) return undefined;
    this.#decoder ??= await createPacketDecoder(
      this.#codec.codec,
      decoderSetup(this.#codec.codec, this.#headers),
    );
    if (audioPackets.length === 0) return undefined;
    const block = await this.#decoder.decode(audioPackets);
    this.#decoded += block.channels[0]?.length ?? 0;
    if (granule !== undefined) {
      // The encoder pads its last packet: the granule of the last page gives the end of the audio.
      if (last) this.#trim.limit = granule - (this.#origin ?? 0) - this.#codec.preSkip;
      else this.#origin ??= Math.max(0, granule - this.#decoded);
    }
    return this.#trim.apply(block);
  }

  free(): void {
    this.#decoder?.free();
    this.#decoder = undefined;
  }
}

function decoderSetup(codec: PacketCodec, headers: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array(0), second = first, third = first] = headers;
  return codec === 'vorbis' ? laceHeaders(first, second, third) : first;
}

/** Packs three Vorbis headers into one, as Matroska stores them. */
function laceHeaders(identification: Uint8Array, comment: Uint8Array, setup: Uint8Array): Uint8Array {
  const sizes = [identification, comment].flatMap(({ length }) => [
    ...new Array<number>(Math.floor(length / 255)).fill(255),
    length % 255,
  ]);
  return Uint8Array.of(2, ...sizes, ...identification, ...comment, ...setup);
}
