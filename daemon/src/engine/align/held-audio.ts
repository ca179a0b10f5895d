/** Audio that one model reads, kept until a second one has read it, too. */
import type { AudioStream } from '#daemon/models/speech-model.js';
import { SAMPLE_RATE } from '#daemon/protocol/live.js';

/** The first model may read so far ahead: the windows of a batch with long pauses between them. 77 MB. */
const MAX_HELD_SECONDS = 1_200;

/** 16 kHz. */
export class HeldAudio implements AudioStream {
  readonly durationSeconds: number | undefined;
  readonly samples: AsyncIterable<Float32Array>;
  #chunks: Float32Array[] = [];
  /** Position of the first held sample, and of the one after the last. */
  #start = 0;
  #end = 0;

  constructor({ durationSeconds, samples }: AudioStream) {
    this.durationSeconds = durationSeconds;
    this.samples = this.#hold(samples);
  }

  get heldSamples(): number {
    return this.#end - this.#start;
  }

  /** Forgets the audio before a time, whole chunks only. */
  dropBefore(seconds: number): void {
    this.#dropTo(Math.floor(seconds * SAMPLE_RATE));
  }

  /** The samples between two times; undefined if some of them are forgotten. */
  slice(fromSeconds: number, toSeconds: number): { start: number; samples: Float32Array } | undefined {
    const from = Math.max(0, Math.floor(fromSeconds * SAMPLE_RATE));
    const to = Math.min(this.#end, Math.ceil(toSeconds * SAMPLE_RATE));
    if (from < this.#start) return undefined;
    const samples = new Float32Array(Math.max(0, to - from));
    let at = this.#start;
    for (const chunk of this.#chunks) {
      const first = Math.max(0, from - at);
      const last = Math.min(chunk.length, to - at);
      if (first < last) samples.set(chunk.subarray(first, last), at + first - from);
      at += chunk.length;
    }
    return { start: from / SAMPLE_RATE, samples };
  }

  async *#hold(samples: AsyncIterable<Float32Array>): AsyncGenerator<Float32Array, void> {
    for await (const chunk of samples) {
      this.#chunks.push(chunk.slice());
      this.#end += chunk.length;
      this.#dropTo(this.#end - MAX_HELD_SECONDS * SAMPLE_RATE);
      yield chunk;
    }
  }

  #dropTo(position: number): void {
    let dropped = 0;
    for (const chunk of this.#chunks) {
      if (this.#start + chunk.length > position) break;
      this.#start += chunk.length;
      dropped += 1;
    }
    this.#chunks.splice(0, dropped);
  }
}
