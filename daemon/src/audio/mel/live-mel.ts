/**
 * Log-mel frames of audio that is still being recorded. Raw frames are computed once and kept, those at the end of the
 * audio are recomputed each time, and clamping happens when a window is assembled.
 */
import { DYNAMIC_RANGE_LOG10, HOP_SAMPLES, N_FFT, reflectStart, SILENCE_LOG10 } from './mel.js';
import type { FrontEnd } from './front-end.js';

const HALF_WINDOW = N_FFT / 2;
/**
 * Frames computed together, in fixed groups: the last bit of a product depends on its number of rows, and a session
 * that resumes from a checkpoint must compute exactly the same frames.
 */
const BLOCK_FRAMES = 50;

export class LiveMel {
  readonly #frontEnd: FrontEnd;
  readonly #nMels: number;
  /** Samples from 200 before the center of the first pending frame. The audio is mirrored before its start. */
  #pending = new Float32Array(0);
  /** Whether `#pending` starts with the mirrored samples, or after the start of the audio. */
  #mirrored: boolean;
  /** Blocks of final raw frames, `BLOCK_FRAMES` each; `#first` is the number of the first frame. */
  #done: Float32Array[] = [];
  #first: number;
  #samples: number;

  /** @param from the first sample that will be pushed, the `fromSample` of another instance */
  constructor(frontEnd: FrontEnd, from = 0) {
    this.#frontEnd = frontEnd;
    this.#nMels = frontEnd.bands;
    this.#samples = from;
    this.#mirrored = from > 0;
    this.#first = from > 0 ? (from + HALF_WINDOW) / HOP_SAMPLES : 0;
  }

  /** First sample of the kept frames: an instance that starts there continues exactly. */
  get fromSample(): number {
    return Math.max(0, this.#first * HOP_SAMPLES - HALF_WINDOW);
  }

  /** Whether a mel can start at `sample`. */
  static isValidStart(sample: number): boolean {
    return sample === 0 || (sample > 0 && (sample + HALF_WINDOW) % (BLOCK_FRAMES * HOP_SAMPLES) === 0);
  }

  /** Number of whole frames of 10 ms in the audio, including dropped ones. */
  get contentFrames(): number {
    return Math.floor(this.#samples / HOP_SAMPLES);
  }

  push(samples: Float32Array): void {
    const before = this.#pending;
    this.#pending = new Float32Array(before.length + samples.length);
    this.#pending.set(before);
    this.#pending.set(samples, before.length);
    this.#samples += samples.length;
  }

  /** Drops the whole blocks before frame `first`. Blocks that no window needed are never computed. */
  drop(first: number): void {
    while (this.#done.length > 0 && this.#first + BLOCK_FRAMES <= first) {
      this.#done.shift();
      this.#first += BLOCK_FRAMES;
    }
    this.#mirror();
    if (this.#done.length > 0 || !this.#mirrored) return;
    const availableFrames = Math.floor(this.#pending.length / HOP_SAMPLES);
    const blocks = Math.floor(Math.min(first - this.#first, availableFrames) / BLOCK_FRAMES);
    if (blocks < 1) return;
    this.#pending = this.#pending.slice(blocks * BLOCK_FRAMES * HOP_SAMPLES);
    this.#first += blocks * BLOCK_FRAMES;
  }

  /**
   * Normalized log-mel of the audio from frame `start`, `[length, nMels]`: clamped to 8 below its loudest frame, scaled,
   * padded with the mel of silence.
   */
  window(start: number, length: number): Float32Array {
    this.#advance();
    const raw = new Float32Array(length * this.#nMels).fill(SILENCE_LOG10);
    let at = this.#first;
    for (const block of [...this.#done, this.#edge()]) {
      const count = block.length / this.#nMels;
      const from = Math.max(start, at);
      const to = Math.min(start + length, at + count);
      if (to > from) {
        const part = block.subarray((from - at) * this.#nMels, (to - at) * this.#nMels);
        raw.set(part, (from - start) * this.#nMels);
      }
      at += count;
    }
    return normalized(raw);
  }

  /** Prepends the mirrored samples as soon as the audio is long enough. */
  #mirror(): void {
    if (this.#mirrored || this.#samples <= HALF_WINDOW) return;
    this.#pending = reflectStart(this.#pending);
    this.#mirrored = true;
  }

  /** Computes the blocks that are complete now. */
  #advance(): void {
    this.#mirror();
    if (!this.#mirrored) return;
    const blockSamples = (BLOCK_FRAMES - 1) * HOP_SAMPLES + N_FFT;
    let at = 0;
    for (; at + blockSamples <= this.#pending.length; at += BLOCK_FRAMES * HOP_SAMPLES)
      this.#done.push(this.#compute(this.#pending.subarray(at, at + blockSamples)));
    if (at > 0) this.#pending = this.#pending.slice(at);
  }

  /** The frames after the last complete block, including those that reach into the silence after the audio. */
  #edge(): Float32Array {
    let pending = this.#pending;
    if (pending.length === 0) return pending;
    if (!this.#mirrored) pending = reflectStart(pending);
    const count = Math.ceil(pending.length / HOP_SAMPLES); // frames that start before the end
    const padded = new Float32Array(Math.max(0, count - 1) * HOP_SAMPLES + N_FFT);
    padded.set(pending.subarray(0, padded.length));
    return this.#compute(padded);
  }

  #compute(samples: Float32Array): Float32Array {
    const frames = this.#frontEnd.frames(samples);
    try {
      return frames.toTypedArray('float32');
    } finally {
      frames.dispose();
    }
  }
}

function normalized(raw: Float32Array): Float32Array {
  let peak = -Infinity;
  for (const value of raw) if (value > peak) peak = value;
  const floor = peak - DYNAMIC_RANGE_LOG10;
  return raw.map((value) => (Math.max(value, floor) + 4) / 4);
}
