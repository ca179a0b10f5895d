/** The audio of a session that is still needed: what the model does not have yet, or all of it. */
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '#daemon/protocol/live.js';

/** Longer sessions are not decoded again at the end, where the user waits for the text. */
export const MAX_KEPT_SECONDS = 300;
const FULL_SCALE = 32_768;

export class LiveAudioBuffer {
  readonly #pieces: Int16Array[] = [];
  /** Number of the first kept sample. */
  #first: number;
  #samples: number;
  #keepsAll: boolean;

  /** @param keepsAll whether `all` is needed at the end; only possible from sample 0 on */
  constructor(fromSample: number, keepsAll: boolean) {
    this.#first = this.#samples = fromSample;
    this.#keepsAll = keepsAll && fromSample === 0;
  }

  /** Samples of the session so far, including those before the buffer. */
  get samples(): number {
    return this.#samples;
  }

  /** s16le */
  push(pcm: Uint8Array): void {
    const samples = new Int16Array(pcm.byteLength / BYTES_PER_SAMPLE);
    // The bytes of a message may start at an odd offset.
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

  /** Drops samples that the model no longer needs. */
  forget(before: number): void {
    if (this.#keepsAll) return;
    for (;;) {
      const piece = this.#pieces[0];
      if (piece === undefined || this.#first + piece.length > before) return;
      this.#pieces.shift();
      this.#first += piece.length;
    }
  }

  /** All samples; undefined if the session was too long. */
  all(): Float32Array | undefined {
    return this.#keepsAll ? this.read(0, this.#samples) : undefined;
  }
}
