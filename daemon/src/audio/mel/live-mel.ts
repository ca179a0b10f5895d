/**
 * The log-mel frames of audio that is still being spoken: raw ones are computed once and kept, those at the end of the
 * audio anew each time, and clamping is left to the moment when a window is put together.
 */
import {
  DYNAMIC_RANGE_LOG10,
  HOP_SAMPLES,
  type MelTransform,
  N_FFT,
  reflectStart,
  SILENCE_LOG10,
} from './mel.js';

const HALF_WINDOW = N_FFT / 2;
/**
 * Frames computed together, always the same ones: the last bit of a product depends on how many rows it has, and whoever
 * goes on from a checkpoint must hear exactly what was heard before.
 */
const BLOCK_FRAMES = 50;

export class LiveMel {
  readonly #transform: MelTransform;
  readonly #nMels: number;
  /** Samples from 200 before the centre of the first frame that is not done. Before the audio there is its mirror. */
  #pending = new Float32Array(0);
  /** Whether `#pending` begins with the mirror, or later than the audio. */
  #mirrored: boolean;
  /** Raw frames that nothing can change any more, `BLOCK_FRAMES` each, the first of which is `#first`. */
  #done: Float32Array[] = [];
  #first: number;
  #samples: number;

  /** @param from what `fromSample` was: the first sample pushed is that one */
  constructor(transform: MelTransform, from = 0) {
    this.#transform = transform;
    this.#nMels = transform.nMels;
    this.#samples = from;
    this.#mirrored = from > 0;
    this.#first = from > 0 ? (from + HALF_WINDOW) / HOP_SAMPLES : 0;
  }

  /** The first sample that the frames kept are made of: another one goes on exactly when it is given the audio from there. */
  get fromSample(): number {
    return Math.max(0, this.#first * HOP_SAMPLES - HALF_WINDOW);
  }

  /** Whether `sample` can be where a mel begins. */
  static isValidStart(sample: number): boolean {
    return sample === 0 || (sample > 0 && (sample + HALF_WINDOW) % (BLOCK_FRAMES * HOP_SAMPLES) === 0);
  }

  /** Whole frames of 10 ms that the audio fills, those let go of included. */
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

  /** Lets go of the frames before `first`, as far as they are whole blocks; those that nobody asked for are never computed. */
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
   * Normalized log-mel of the audio from frame `start` on, `[length, nMels]`: clamped to 8 below its loudest frame, scaled,
   * with the mel of silence behind it.
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

  /** Puts the mirror in front as soon as the audio is long enough. */
  #mirror(): void {
    if (this.#mirrored || this.#samples <= HALF_WINDOW) return;
    this.#pending = reflectStart(this.#pending);
    this.#mirrored = true;
  }

  /** Computes the blocks that are whole now. */
  #advance(): void {
    this.#mirror();
    if (!this.#mirrored) return;
    const blockSamples = (BLOCK_FRAMES - 1) * HOP_SAMPLES + N_FFT;
    let at = 0;
    for (; at + blockSamples <= this.#pending.length; at += BLOCK_FRAMES * HOP_SAMPLES)
      this.#done.push(this.#compute(this.#pending.subarray(at, at + blockSamples)));
    if (at > 0) this.#pending = this.#pending.slice(at);
  }

  /** The frames behind the last whole block: those that hear the end of the audio too, and the silence behind it. */
  #edge(): Float32Array {
    let pending = this.#pending;
    if (pending.length === 0) return pending;
    if (!this.#mirrored) pending = reflectStart(pending);
    const count = Math.ceil(pending.length / HOP_SAMPLES); // those that begin before the end
    const padded = new Float32Array(Math.max(0, count - 1) * HOP_SAMPLES + N_FFT);
    padded.set(pending.subarray(0, padded.length));
    return this.#compute(padded);
  }

  #compute(samples: Float32Array): Float32Array {
    const frames = this.#transform.frames(samples);
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
