/** The audio of a session as far as it is still needed: what the model has not got, or all of it. */
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '#daemon/protocol/live.js';

/** A take that is longer is not decoded again at its end: nobody waits that long for its last word. */
export const MAX_KEPT_SECONDS = 300;
const FULL_SCALE = 32_768;

export class LiveAudioBuffer {
  readonly #pieces: Int16Array[] = [];
  /** Number of the first sample that is kept. */
  #first: number;
  #samples: number;
  #keepsAll: boolean;

  /** @param whole whether all of it is to be had at the end; only if it begins at the beginning */
  constructor(fromSample: number, keepsAll: boolean) {
    this.#first = this.#samples = fromSample;
    this.#keepsAll = keepsAll && fromSample === 0;
  }

  /** Samples of the session so far, those before it included. */
  get samples(): number {
    return this.#samples;
  }

  /** s16le */
  push(pcm: Uint8Array): void {
    const samples = new Int16Array(pcm.byteLength / BYTES_PER_SAMPLE);
    // The bytes of a message may begin at an odd place.
    new Uint8Array(samples.buffer).set(pcm);
    this.#pieces.push(samples);
    this.#samples += samples.length;
    if (this.#keepsAll && this.#samples > MAX_KEPT_SECONDS * SAMPLE_RATE) this.#keepsAll = false;
  }

  /** Samples from one number up to another, −1…1. */
  read(from: number, to: number): Float32Array {
    const read = new Float32Array(to - from);
    let at = this.#first;
    for (const piece of this.#pieces) {
      const begin = Math.max(from, at);
      const end = Math.min(to, at + piece.length);
      for (let i = begin; i < end; i++) read[i - from] = (piece[i - at] ?? 0) / FULL_SCALE;
      at += piece.length;
    }
    return read;
  }

  /** What lies before a sample is not needed by the model any more. */
  forget(before: number): void {
    if (this.#keepsAll) return;
    for (;;) {
      const piece = this.#pieces[0];
      if (piece === undefined || this.#first + piece.length > before) return;
      this.#pieces.shift();
      this.#first += piece.length;
    }
  }

  /** All of it; undefined where it was too long to be kept. */
  all(): Float32Array | undefined {
    return this.#keepsAll ? this.read(0, this.#samples) : undefined;
  }
}
