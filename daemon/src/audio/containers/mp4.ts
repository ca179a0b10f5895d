import {
  CustomSource,
  type EncodedPacket,
  EncodedPacketSink,
  Input,
  type InputAudioTrack,
  LogLevel,
  Logging,
  MP4,
  QTFF,
} from 'mediabunny';
import { SottoError } from '../../protocol/errors.js';
import { parseAudioSpecificConfig } from '../aac/aac-config.js';
import { type ContainerState, checkMp4 } from './mp4-boxes.js';
import { findExternalDecoder, openExternal } from '../external-decoder.js';
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

Logging.level = LogLevel.Silent; // stderr belongs to the command

/** Bytes of the file that the demuxer may cache. */
const CACHE_BYTES = 4 << 20;

/** Opens the first audio track of an MP4, M4A or QuickTime file. */
export async function openMp4(source: PositionedFile, outputRate: number): Promise<PcmSource> {
  const state = await checkMp4(source);
  if (state.endsEarly && !state.hasIndex) throw truncatedError(source.path);
  if (!state.hasIndex) throw noAudioTrackError(source.path);
  const input = demuxer(source, state.end);
  try {
    const track = await input.getPrimaryAudioTrack();
    if (track === null) throw noAudioTrackError(source.path);
    return await openTrack(source, state, track, outputRate);
  } catch (error) {
    input.dispose();
    if (state.endsEarly && !(error instanceof SottoError)) throw truncatedError(source.path);
    throw error;
  }
}

function noAudioTrackError(path: string): SottoError {
  return new SottoError('AUDIO_UNSUPPORTED', `${quotePath(path)} has no audio track`, {
    hint: 'give a file with an audio track',
  });
}

function demuxer(source: PositionedFile, size: number): Input {
  return new Input({
    formats: [MP4, QTFF],
    source: new CustomSource({
      getSize: () => size,
      read: (start, end) => source.read(start, end - start),
      maxCacheSize: CACHE_BYTES,
      prefetchProfile: 'fileSystem',
      handleUnhandledError: () => undefined, // every read is awaited and reports its own errors
    }),
  });
}

async function openTrack(
  source: PositionedFile,
  state: ContainerState,
  track: InputAudioTrack,
  outputRate: number,
): Promise<PcmSource> {
  const openOther = (format: string): PcmSource =>
    openExternal(source.path, format, { onProgress: source.onRead, sampleRate: outputRate });
  const codec = await track.getCodec();
  const config = await track.getDecoderConfig();
  const format = codec === null ? undefined : PCM_FORMATS.get(codec);
  if (codec === null || config === null || (format === undefined && !PACKET_CODECS.includes(codec))) {
    const name = codec ?? codecName(await track.getInternalCodecId());
    return openOther(`MP4 with ${name} audio`);
  }
  const setup = bytesOf(config.description);
  if (codec === 'aac' && (await usesSbr(setup, packetsOf(track))) && findExternalDecoder() !== undefined) {
    return openOther('HE-AAC');
  }
  // For HE-AAC the decoder returns the core, at half the rate that the container declares.
  const sampleRate = codec === 'aac' ? parseAudioSpecificConfig(setup).sampleRate : config.sampleRate;
  const plan: TrackPlan = {
    track,
    sampleRate,
    preSkip: codec === 'opus' ? parseOpusHead(setup).preSkip : 0,
    endsEarly: state.endsEarly,
    makeDecoder: () =>
      format === undefined
        ? createPacketDecoder(codec as PacketCodec, setup)
        : Promise.resolve(pcmPackets(format, config.numberOfChannels, sampleRate)),
  };
  return {
    container: 'mp4',
    codec: codec.replace('-', '_'),
    sampleRate,
    channels: config.numberOfChannels,
    durationSeconds: (await track.getDurationFromMetadata()) ?? undefined,
    endsEarly: state.endsEarly,
    blocks: () => decodeTrack(source, plan),
  };
}

interface TrackPlan {
  readonly track: InputAudioTrack;
  readonly sampleRate: number;
  readonly preSkip: number;
  readonly endsEarly: boolean;
  readonly makeDecoder: () => Promise<PacketDecoder>;
}

async function* decodeTrack(source: PositionedFile, plan: TrackPlan): AsyncGenerator<PcmBlock> {
  let decoder: PacketDecoder | undefined;
  try {
    decoder = await plan.makeDecoder();
    let startSeconds: number | undefined;
    let trim: Trimmer | undefined;
    for await (const { packets, isLast } of batches(new EncodedPacketSink(plan.track).packets())) {
      const [first, last] = [packets[0], packets.at(-1)];
      if (first === undefined || last === undefined) continue;
      // An edit list puts the encoder delay before time 0.
      startSeconds ??= Math.max(0, first.timestamp);
      trim ??= new Trimmer(Math.max(plan.preSkip, -first.timestamp * plan.sampleRate));
      if (isLast && !plan.endsEarly)
        trim.limit = (last.timestamp + last.duration - startSeconds) * plan.sampleRate;
      const block = trim.apply(await decoder.decode(packets.map(({ data }) => data)));
      if (block !== undefined) yield block;
    }
  } catch (error) {
    if (!plan.endsEarly || error instanceof SottoError) throw error;
  } finally {
    decoder?.free();
    plan.track.input.dispose();
  }
  if (plan.endsEarly) throw truncatedError(source.path);
}

const BATCH_SECONDS = 0.5;
const BATCH_PACKETS = 256;

async function* batches(
  all: AsyncIterable<EncodedPacket>,
): AsyncGenerator<{ packets: EncodedPacket[]; isLast: boolean }> {
  let packets: EncodedPacket[] = [];
  for await (const packet of all) {
    const [first] = packets;
    const full = packets.length >= BATCH_PACKETS;
    if (first !== undefined && (full || packet.timestamp - first.timestamp >= BATCH_SECONDS)) {
      yield { packets, isLast: false };
      packets = [];
    }
    packets.push(packet);
  }
  if (packets.length > 0) yield { packets, isLast: true };
}

const PACKET_CODECS: readonly string[] = ['aac', 'opus', 'vorbis', 'mp3', 'flac'] satisfies PacketCodec[];

const PCM_FORMATS = new Map<string, SampleFormat>([
  ['pcm-u8', 'u8'],
  ['pcm-s8', 's8'],
  ['pcm-s16', 's16le'],
  ['pcm-s16be', 's16be'],
  ['pcm-s24', 's24le'],
  ['pcm-s24be', 's24be'],
  ['pcm-s32', 's32le'],
  ['pcm-s32be', 's32be'],
  ['pcm-f32', 'f32le'],
  ['pcm-f32be', 'f32be'],
  ['pcm-f64', 'f64le'],
  ['pcm-f64be', 'f64be'],
  ['ulaw', 'mulaw'],
  ['alaw', 'alaw'],
]);

async function* packetsOf(track: InputAudioTrack): AsyncGenerator<Uint8Array> {
  for await (const packet of new EncodedPacketSink(track).packets()) yield packet.data;
}

function bytesOf(description: unknown): Uint8Array {
  if (ArrayBuffer.isView(description)) {
    return new Uint8Array(description.buffer, description.byteOffset, description.byteLength);
  }
  return description instanceof ArrayBuffer ? new Uint8Array(description) : new Uint8Array(0);
}

function codecName(id: string | number | Uint8Array | null): string {
  return typeof id === 'string' ? id.trim() : typeof id === 'number' ? `codec ${id}` : 'unknown';
}
