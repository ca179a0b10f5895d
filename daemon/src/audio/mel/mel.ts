/**
 * Log-mel spectrogram of a stream of audio as in Whisper's reference front end (`variants.ts`). Frames are kept *raw*: the
 * reference clamps everything to 8 below the loudest frame and rescales, which depends on later audio, so the code
 * that assembles a window does that.
 */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import type { FrontEnd } from './front-end.js';

export const SAMPLE_RATE = 16_000;
export const N_FFT = 400; // 25 ms at 16 kHz
export const HOP_SAMPLES = 160; // 10 ms at 16 kHz
export const FRAMES_PER_SECOND = SAMPLE_RATE / HOP_SAMPLES;

/** Value of a frame of digital silence. */
export const SILENCE_LOG10 = -10;
/** Frames are raised to this far below the loudest one when a window is assembled. */
export const DYNAMIC_RANGE_LOG10 = 8;

const HALF_WINDOW = N_FFT / 2;

interface Block {
  readonly start: number;
  readonly count: number;
  readonly frames: MxArray; // [count, nMels]
}

/**
 * The frames of one stream, computed when they are needed and dropped after use: the distance between `drop` and
 * `fill` limits the memory, however long the stream is.
 */
export class MelStream {
  readonly #source: AsyncIterator<Float32Array, unknown, unknown>;
  readonly #frontEnd: FrontEnd;
  #pending = new Float32Array(0); // samples from 200 before the center of the next frame
  #blocks: Block[] = [];
  #peak: MxArray | undefined;
  #samplesRead = 0;
  #framesDone = 0;
  #ended = false;

  constructor(source: AsyncIterable<Float32Array>, frontEnd: FrontEnd) {
    this.#source = source[Symbol.asyncIterator]();
    this.#frontEnd = frontEnd;
  }

  get secondsRead(): number {
    return this.#samplesRead / SAMPLE_RATE;
  }

  /** Whether the whole stream has been read; only then is `contentFrames` final. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Number of whole frames of 10 ms in the audio read so far. */
  get contentFrames(): number {
    return Math.floor(this.#samplesRead / HOP_SAMPLES);
  }

  /** Loudest log10 power so far, a scalar that the stream owns. Undefined before the first frame. */
  get peak(): MxArray | undefined {
    return this.#peak;
  }

  /** Reads until the frames before `end` are computed or the stream ends. */
  async fill(end: number, signal?: AbortSignal): Promise<void> {
    const chunks: Float32Array[] = [];
    const samplesNeeded = (end - 1) * HOP_SAMPLES + HALF_WINDOW + 1; // 1: the mirror at the start skips sample 0
    while (!this.#ended && this.#framesDone < end && this.#samplesRead < samplesNeeded) {
      if (signal?.aborted === true) throw new SottoError('CANCELLED', 'reading the audio was cancelled');
      const { value, done } = await this.#source.next();
      if (done === true) {
        this.#ended = true;
      } else {
        chunks.push(value);
        this.#samplesRead += value.length;
      }
    }
    // Stops at `end`, so that the result does not depend on how the audio is cut into chunks.
    if (this.#framesDone < end) await this.#advance(chunks, end);
  }

  /**
   * Frames `start` … `end` as far as there is audio, `[n, nMels]`; the caller owns the result.
   *
   * @throws RangeError if frames in the middle were dropped
   */
  slice(start: number, end: number): MxArray {
    const blocks = this.#blocks.filter((block) => block.start < end && block.start + block.count > start);
    for (const [i, block] of blocks.slice(1).entries()) {
      const before = blocks[i];
      if (before !== undefined && before.start + before.count !== block.start)
        throw new RangeError(`frames from ${before.start + before.count} were dropped`);
    }
    return mx.tidy(() => {
      const pieces = blocks.map((block) =>
        mx.slice(
          block.frames,
          [Math.max(0, start - block.start), 0],
          [Math.min(block.count, end - block.start), this.#frontEnd.bands],
        ),
      );
      return pieces.length === 0 ? mx.zeros([0, this.#frontEnd.bands]) : mx.concatenate(pieces, 0);
    });
  }

  /** Frees the whole blocks before frame `end`, or between `start` and `end`. */
  drop(end: number, start = 0): void {
    const kept: Block[] = [];
    for (const block of this.#blocks) {
      if (block.start >= start && block.start + block.count <= end) mx.dispose(block.frames);
      else kept.push(block);
    }
    this.#blocks = kept;
  }

  async dispose(): Promise<void> {
    mx.dispose(this.#blocks.map((block) => block.frames));
    if (this.#peak !== undefined) mx.dispose(this.#peak);
    this.#blocks = [];
    this.#peak = undefined;
    if (!this.#ended) await this.#source.return?.();
    this.#ended = true;
  }

  async #advance(chunks: Float32Array[], end: number): Promise<void> {
    this.#pending = concatenate([this.#pending, ...chunks]);
    if (this.#framesDone === 0) {
      if (this.#samplesRead <= HALF_WINDOW && !this.#ended) return;
      this.#pending = reflectStart(this.#pending);
    }
    if (this.#ended) this.#pending = padEnd(this.#pending, this.#framesDone, this.#samplesRead);
    const whole = Math.floor((this.#pending.length - N_FFT) / HOP_SAMPLES) + 1;
    const count = Math.min(whole, end - this.#framesDone);
    if (count < 1) return;
    const samples = this.#pending.subarray(0, (count - 1) * HOP_SAMPLES + N_FFT);
    const [frames, peak] = mx.tidy((): [MxArray, MxArray] => {
      const frames = this.#frontEnd.frames(samples);
      const peak = mx.max(frames);
      return [frames, this.#peak === undefined ? peak : mx.maximum(peak, this.#peak)];
    });
    await mx.ready(frames, peak);
    if (this.#peak !== undefined) mx.dispose(this.#peak);
    this.#peak = peak;
    this.#blocks.push({ start: this.#framesDone, count, frames });
    this.#pending = this.#pending.slice(count * HOP_SAMPLES);
    this.#framesDone += count;
  }
}

function concatenate(pieces: Float32Array[]): Float32Array<ArrayBuffer> {
  const whole = new Float32Array(pieces.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of pieces) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Prepends the first 200 samples, mirrored about sample 0; shorter audio is padded with silence. */
export function reflectStart(samples: Float32Array): Float32Array<ArrayBuffer> {
  const padded = new Float32Array(HALF_WINDOW + samples.length);
  for (let i = 1; i <= HALF_WINDOW; i++) padded[HALF_WINDOW - i] = samples[i] ?? 0;
  padded.set(samples, HALF_WINDOW);
  return padded;
}

/**
 * Adds the silence that the reference appends to the audio, as far as the frames that touch the audio reach: every
 * later frame is `SILENCE_LOG10`.
 */
function padEnd(pending: Float32Array, framesDone: number, samples: number): Float32Array<ArrayBuffer> {
  const framesTouched = Math.ceil((samples + HALF_WINDOW) / HOP_SAMPLES);
  const length = Math.max(pending.length, (framesTouched - framesDone - 1) * HOP_SAMPLES + N_FFT);
  const padded = new Float32Array(length);
  padded.set(pending);
  return padded;
}
