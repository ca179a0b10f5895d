/**
 * The log-mel frames of audio that is still being spoken: raw ones are computed once and kept, those that the end of
 * the audio touches anew each time, and clamping is left to the moment when a window is put together.
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

export class LiveMel {
  readonly #transform: MelTransform;
  readonly #nMels: number;
  /** Samples from 200 before the centre of the first frame that is not done. Before the audio there is its mirror. */
  #pending = new Float32Array(0);
  /** Raw frames that nothing can change any more, from `#first` on, each `nMels` values. */
  #done: Float32Array[] = [];
  #first = 0;
  #frames = 0;
  #samples = 0;

  constructor(transform: MelTransform) {
    this.#transform = transform;
    this.#nMels = transform.nMels;
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
    if (this.#frames === 0 && this.#samples > HALF_WINDOW && this.#pending.length === this.#samples)
      this.#pending = reflectStart(this.#pending);
    if (this.#pending.length === this.#samples) return; // too little for a first frame
    const count = Math.floor((this.#pending.length - N_FFT) / HOP_SAMPLES) + 1;
    if (count < 1) return;
    this.#done.push(this.#compute(this.#pending.subarray(0, (count - 1) * HOP_SAMPLES + N_FFT)));
    this.#pending = this.#pending.slice(count * HOP_SAMPLES);
    this.#frames += count;
  }

  /** Lets go of the frames before `first`. */
  drop(first: number): void {
    while (this.#done.length > 0) {
      const count = (this.#done[0]?.length ?? 0) / this.#nMels;
      if (this.#first + count > first) return;
      this.#done.shift();
      this.#first += count;
    }
  }

  /**
   * Normalized log-mel of the audio from frame `start` on, `[length, nMels]`: clamped to 8 below its loudest frame, scaled,
   * with the mel of silence behind it.
   */
  window(start: number, length: number): Float32Array {
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

  /** The frames that hear the end of the audio, and the silence behind it. */
  #edge(): Float32Array {
    let pending = this.#pending;
    if (pending.length === 0) return pending;
    if (this.#frames === 0 && pending.length === this.#samples) pending = reflectStart(pending);
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
