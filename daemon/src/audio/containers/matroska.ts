import { SottoError } from '../../protocol/errors.js';
import { parseAudioSpecificConfig } from '../aac/aac-config.js';
import { EbmlReader } from './ebml.js';
import { findExternalDecoder, openExternal } from '../external-decoder.js';
import { type MatroskaHead, type MatroskaTrack, readHead, readPackets } from './matroska-packets.js';
import { parseOpusHead } from './opus-head.js';
import {
  type PacketCodec,
  type PacketDecoder,
  createPacketDecoder,
  pcmPackets,
  usesSbr,
} from '../packet-decoder.js';
import { type PcmBlock, type PcmSource } from '../pcm-source.js';
import { truncatedError } from '../raw-pcm.js';
import { type SampleFormat } from '../sample-format.js';
import { type PositionedFile, quotePath } from '../positioned-file.js';
import { Trimmer } from '../trimmer.js';

/**
 * Opens the first audio track of a Matroska or WebM file. Does not use mediabunny, which reads MP4 here: it loses audio of
 * damaged files (NOTES.md).
 *
 * @param outputRate of an external decoder, in Hz
 */
export async function openMatroska(source: PositionedFile, outputRate: number): Promise<PcmSource> {
  const openOther = (format: string): PcmSource =>
    openExternal(source.path, format, { onProgress: source.onRead, sampleRate: outputRate });
  const reader = new EbmlReader(source);
  const head = await readHead(reader);
  if (head === undefined) throw truncatedError(source.path);
  const [track] = head.tracks;
  if (track === undefined) {
    if (head.endsEarly && head.packetsAt >= source.size) throw truncatedError(source.path);
    throw new SottoError('AUDIO_UNSUPPORTED', `${quotePath(source.path)} has no audio track`, {
      hint: 'give a file with an audio track',
    });
  }
  const format = pcmFormat(track);
  const codec = CODECS.find(([prefix]) => track.codecId.startsWith(prefix))?.[1];
  if (track.unreadable || (codec === undefined && format === undefined)) {
    return openOther(`Matroska with ${track.codecId || 'unknown'} audio`);
  }
  const setup = track.codecPrivate;
  if (codec === 'aac' && findExternalDecoder() !== undefined) {
    const packets = frames(reader, head, track);
    if (await usesSbr(setup, packets)) return openOther('HE-AAC');
  }
  const sampleRate =
    codec === 'aac'
      ? parseAudioSpecificConfig(setup).sampleRate
      : codec === 'opus'
        ? 48000
        : Math.round(track.sampleRate);
  if (!(sampleRate > 0 && sampleRate <= 1_536_000 && track.channels > 0 && track.channels <= 256)) {
    throw new SottoError('AUDIO_UNSUPPORTED', `${quotePath(source.path)} has a broken Matroska header`, {
      hint: 'export or convert it again',
    });
  }
  const preSkip = codec === 'opus' ? parseOpusHead(setup).preSkip : 0;
  const makeDecoder = () =>
    format === undefined
      ? createPacketDecoder(codec ?? 'aac', setup)
      : Promise.resolve(pcmPackets(format, track.channels, sampleRate));
  return {
    container: 'matroska',
    codec: codec ?? `pcm_${format ?? ''}`,
    sampleRate,
    channels: track.channels,
    durationSeconds: head.durationSeconds,
    async *blocks() {
      const decoder = await makeDecoder();
      try {
        yield* decodePackets(reader, head, track, decoder, new Trimmer(preSkip));
      } finally {
        decoder.free();
      }
      if (head.endsEarly) throw truncatedError(source.path);
    },
  };
}

/** About half a second of Opus, the most common codec. */
const BATCH_PACKETS = 25;

async function* decodePackets(
  reader: EbmlReader,
  head: MatroskaHead,
  track: MatroskaTrack,
  decoder: PacketDecoder,
  trim: Trimmer,
): AsyncGenerator<PcmBlock> {
  let batch: Uint8Array[] = [];
  for await (const { data, discardNs } of readPackets(reader, head, track)) {
    batch.push(data);
    if (batch.length < BATCH_PACKETS && discardNs === 0) continue;
    const block = trim.apply(dropEnd(await decoder.decode(batch), discardNs));
    batch = [];
    if (block !== undefined) yield block;
  }
  if (batch.length === 0) return;
  const block = trim.apply(await decoder.decode(batch));
  if (block !== undefined) yield block;
}

function dropEnd(block: PcmBlock, discardNs: number): PcmBlock {
  const drop = Math.round((discardNs * block.sampleRate) / 1e9);
  if (drop === 0) return block;
  return {
    sampleRate: block.sampleRate,
    channels: block.channels.map((samples) => samples.subarray(0, Math.max(0, samples.length - drop))),
  };
}

async function* frames(
  reader: EbmlReader,
  head: MatroskaHead,
  track: MatroskaTrack,
): AsyncGenerator<Uint8Array> {
  for await (const { data } of readPackets(reader, head, track)) yield data;
}

const CODECS: readonly (readonly [prefix: string, codec: PacketCodec])[] = [
  ['A_OPUS', 'opus'],
  ['A_VORBIS', 'vorbis'],
  ['A_AAC', 'aac'],
  ['A_MPEG/L3', 'mp3'],
  ['A_FLAC', 'flac'],
];

function pcmFormat({ codecId, bits }: MatroskaTrack): SampleFormat | undefined {
  const littleEndian = { 8: 'u8', 16: 's16le', 24: 's24le', 32: 's32le' } as const;
  const bigEndian = { 16: 's16be', 24: 's24be', 32: 's32be' } as const;
  const floats = { 32: 'f32le', 64: 'f64le' } as const;
  const pick = (formats: Readonly<Record<number, SampleFormat>>) => formats[bits];
  if (codecId === 'A_PCM/INT/LIT') return pick(littleEndian);
  if (codecId === 'A_PCM/INT/BIG') return pick(bigEndian);
  return codecId === 'A_PCM/FLOAT/IEEE' ? pick(floats) : undefined;
}
