import type { OggVorbisDecoder } from '@wasm-audio-decoders/ogg-vorbis';
import { AacDecoder } from './aac/decoder.js';
import { type AacConfig, parseAudioSpecificConfig } from './aac/aac-config.js';
import { parseOpusHead } from './containers/opus-head.js';
import { type PcmBlock } from './pcm-source.js';
import { withoutConsoleError } from './without-console-error.js';
import { type SampleFormat, deinterleave } from './sample-format.js';

/** Decodes the packets of one track of a container. */
export interface PacketDecoder {
  /** Decodes about a second of packets, in order. Skips damaged ones; the block may be empty. */
  decode(packets: readonly Uint8Array[]): Promise<PcmBlock>;
  free(): void;
}

export type PacketCodec = 'aac' | 'opus' | 'vorbis' | 'mp3' | 'flac';

/**
 * Imports each decoder on demand: all of them together take 100 ms to load.
 *
 * @param setup codec data of the container: the AudioSpecificConfig (AAC), OpusHead (Opus), the three laced headers
 *   (Vorbis), STREAMINFO (FLAC), empty (MP3)
 * @throws Error for an invalid or unsupported setup
 */
export async function createPacketDecoder(codec: PacketCodec, setup: Uint8Array): Promise<PacketDecoder> {
  switch (codec) {
    case 'aac':
      return aacPackets(parseAudioSpecificConfig(setup));
    case 'opus':
      return opusPackets(setup);
    case 'vorbis':
      return vorbisPackets(unlace(setup));
    case 'mp3':
      return mp3Packets();
    case 'flac':
      return flacPackets();
  }
}

/** Replaces a damaged frame with silence, so that later timestamps stay correct. */
export function aacPackets(config: AacConfig): PacketDecoder {
  const decoder = new AacDecoder(config);
  let channelCount = Math.max(1, config.channels);
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- the interface is asynchronous for the others
    async decode(packets) {
      const frames = packets.map((packet) => {
        try {
          const channels = decoder.decode(packet);
          if (channels.length > 0) channelCount = channels.length;
          return channels;
        } catch {
          return [];
        }
      });
      const channels = Array.from({ length: channelCount }, (_, channel) => {
        const samples = new Float32Array(frames.length * 1024);
        for (const [i, frame] of frames.entries()) {
          const part = frame[channel];
          if (part !== undefined) samples.set(part, i * 1024);
        }
        return samples;
      });
      return { channels, sampleRate: config.sampleRate };
    },
    free() {},
  };
}

async function opusPackets(setup: Uint8Array): Promise<PacketDecoder> {
  const head = parseOpusHead(setup);
  const { OpusDecoder } = await import('opus-decoder');
  const decoder = new OpusDecoder({
    channels: head.channels,
    streamCount: head.streams,
    coupledStreamCount: head.coupledStreams,
    channelMappingTable: [...head.mapping],
    preSkip: 0, // the container reader trims, because it also knows the end of the audio
  });
  await decoder.ready;
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- as above
    async decode(packets) {
      const { channelData, sampleRate } = withoutConsoleError(() =>
        decoder.decodeFrames(packets.filter(isDecodable)),
      );
      if (head.gain !== 1) for (const samples of channelData) scale(samples, head.gain);
      return { channels: channelData, sampleRate };
    },
    free: () => decoder.free(),
  };
}

/** The decoder takes Ogg pages but reads only these fields of them. */
async function vorbisPackets(headers: readonly [Uint8Array, Uint8Array]): Promise<PacketDecoder> {
  const { OggVorbisDecoder: Decoder } = await import('@wasm-audio-decoders/ogg-vorbis');
  const decoder = new Decoder();
  await decoder.ready;
  const [identification, setup] = headers;
  if (setup.length > MAX_PACKET_BYTES) throw new Error('Vorbis code books too large');
  const page = (data: Uint8Array, packets: readonly Uint8Array[]) => ({
    data,
    isLastPage: false,
    codecFrames: packets.map((packet) => ({ data: packet, header: { vorbisSetup: setup } })),
  });
  type Pages = Parameters<OggVorbisDecoder['decodeOggPages']>[0];
  const decodePages = (pages: ReturnType<typeof page>[]) =>
    withoutConsoleError(() => decoder.decodeOggPages(pages as unknown as Pages));
  await decodePages([page(identification, [])]);
  return {
    async decode(packets) {
      const { channelData, sampleRate } = await decodePages([page(EMPTY_PAGE, packets.filter(isDecodable))]);
      return { channels: channelData, sampleRate };
    },
    free: () => decoder.free(),
  };
}

const EMPTY_PAGE = new Uint8Array(1);

async function mp3Packets(): Promise<PacketDecoder> {
  const { MPEGDecoder } = await import('mpg123-decoder');
  const decoder = new MPEGDecoder({ enableGapless: false });
  await decoder.ready;
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- as above
    async decode(packets) {
      const { channelData, sampleRate } = withoutConsoleError(() => decoder.decodeFrames([...packets]));
      return { channels: channelData, sampleRate };
    },
    free: () => decoder.free(),
  };
}

async function flacPackets(): Promise<PacketDecoder> {
  const [{ FLACDecoder }, { rescale }] = await Promise.all([
    import('@wasm-audio-decoders/flac'),
    import('./containers/flac.js'),
  ]);
  const decoder = new FLACDecoder();
  await decoder.ready;
  return {
    async decode(packets) {
      const { channelData, sampleRate, bitDepth } = await withoutConsoleError(() =>
        decoder.decodeFrames([...packets]),
      );
      for (const samples of channelData) rescale(samples, bitDepth);
      return { channels: channelData, sampleRate };
    },
    free: () => decoder.free(),
  };
}

export function pcmPackets(format: SampleFormat, channels: number, sampleRate: number): PacketDecoder {
  return {
    decode: (packets) =>
      Promise.resolve({ channels: deinterleave(Buffer.concat(packets), format, channels), sampleRate }),
    free() {},
  };
}

/** Whether the stream is HE-AAC: declared in the setup, or visible only in the first frames. */
export async function usesSbr(setup: Uint8Array, packets: AsyncIterable<Uint8Array>): Promise<boolean> {
  const config = parseAudioSpecificConfig(setup);
  if (config.hasSbr) return true;
  const decoder = new AacDecoder(config);
  let checkedPackets = 0;
  for await (const packet of packets) {
    try {
      decoder.decode(packet);
    } catch {
      // a damaged frame shows nothing
    }
    if (decoder.hasSeenSbr || ++checkedPackets === 4) break;
  }
  return decoder.hasSeenSbr;
}

/** Buffer size of the decoders; encoders stay far below it. */
const MAX_PACKET_BYTES = 64 * 1024;

function isDecodable(packet: Uint8Array): boolean {
  return packet.length > 0 && packet.length <= MAX_PACKET_BYTES;
}

function scale(samples: Float32Array, gain: number): void {
  for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] as number) * gain;
}

/** Unpacks identification and setup header from Xiph lacing: a count of 2, two lengths in bytes of 255, three packets. */
function unlace(setup: Uint8Array): [identification: Uint8Array, setup: Uint8Array] {
  let at = 1;
  const lengths = [0, 0].map(() => {
    let length = 0;
    for (let part = 255; part === 255; length += part) part = setup[at++] ?? 0;
    return length;
  });
  const [first = 0, second = 0] = lengths;
  const headers: [Uint8Array, Uint8Array] = [
    setup.subarray(at, at + first),
    setup.subarray(at + first + second),
  ];
  if (setup[0] !== 2 || headers[0].length < 30 || headers[1].length === 0)
    throw new Error('broken Vorbis headers');
  return headers;
}
