import { SottoError } from '../protocol/errors.js';
import { type PcmSource } from './pcm-source.js';
import { type SampleFormat, bytesPerSample, deinterleave } from './sample-format.js';
import { type PositionedFile, quotePath } from './positioned-file.js';

/** Layout of uncompressed samples in a file, from its header. */
interface RawPcm {
  readonly container: string;
  readonly format: SampleFormat;
  readonly sampleRate: number;
  readonly channels: number;
  /** Distance between frames. */
  readonly frameBytes: number;
  readonly dataStart: number;
  /** As declared; undefined if the header leaves it open: the data then reach to the end of the file. */
  readonly dataBytes: number | undefined;
}

/** More channels or a higher rate than any recording has: the header is broken. */
const MAX_CHANNELS = 256;
const MAX_SAMPLE_RATE = 1_536_000;

/** Reads the samples of WAV and AIFF in blocks of a second. */
export function openRawPcm(source: PositionedFile, layout: RawPcm): PcmSource {
  const { container, format, sampleRate, channels, frameBytes, dataStart } = layout;
  const name = quotePath(source.path);
  if (!(channels >= 1 && channels <= MAX_CHANNELS && sampleRate >= 100 && sampleRate <= MAX_SAMPLE_RATE)) {
    throw new SottoError(
      'AUDIO_UNSUPPORTED',
      `${name} has a broken ${container.toUpperCase()} header (${channels} channels at ${sampleRate} Hz)`,
      { hint: 'export or convert it again' },
    );
  }
  if (frameBytes < channels * bytesPerSample(format)) {
    throw new SottoError(
      'AUDIO_UNSUPPORTED',
      `${name} has a broken ${container.toUpperCase()} header (frames too short for ${channels} channels)`,
      { hint: 'export or convert it again' },
    );
  }
  const present = Math.max(0, source.size - dataStart);
  const declared = layout.dataBytes ?? present;
  const frames = Math.floor(Math.min(present, declared) / frameBytes);
  if (frames === 0) {
    if (declared > present) throw truncatedError(source.path);
    throw new SottoError('AUDIO_EMPTY', `${name} has a header but no audio`, {
      hint: 'record it again',
    });
  }
  const missingFrames = (declared - present) / frameBytes;

  return {
    container,
    codec: `pcm_${format}`,
    sampleRate,
    channels,
    durationSeconds: frames / sampleRate,
    async *blocks() {
      // A second, but at most 4 MiB: files with many channels are read in shorter pieces.
      const pieceFrames = Math.max(1, Math.min(Math.ceil(sampleRate), Math.floor((4 << 20) / frameBytes)));
      const end = dataStart + frames * frameBytes;
      for await (const bytes of source.stream(dataStart, end, pieceFrames * frameBytes)) {
        yield { channels: deinterleave(bytes, format, channels, frameBytes), sampleRate };
      }
      if (missingFrames > SLACK_FRAMES) throw truncatedError(source.path);
    },
  };
}

/** A writer that rounds its sizes up may be short of a frame or two; that is not a truncated file. */
const SLACK_FRAMES = 2;

export function truncatedError(path: string): SottoError {
  return new SottoError('AUDIO_TRUNCATED', `${quotePath(path)} is shorter than its header says`, {
    hint: 'copy or export it again; the available part was read',
  });
}
