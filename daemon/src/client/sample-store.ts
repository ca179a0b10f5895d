/** Where a dictation has its audio. Positions count samples from the start of the session. */
import { SAMPLE_RATE } from '../protocol/live.js';

/** Half an hour: 58 MB. */
const MAX_SAMPLES = 30 * 60 * SAMPLE_RATE;

export interface AudioStore {
  /** Position of the first sample in the store. */
  readonly start: number;
  /** Total number of appended samples. */
  readonly end: number;
  readonly isFull: boolean;
  /** Whether it has a file, which becomes that of the session. */
  readonly hasFile: boolean;
  /** Samples from the start on that the daemon can read from the file. */
  readonly samplesInFile: number;
  append(samples: Int16Array): void;
  /** Samples before this one won't be read again. */
  releaseBefore(sample: number): void;
  /** Up to `maxSamples` from `sample` on, which must be held, as bytes (s16le). */
  read(sample: number, maxSamples: number): Uint8Array;
}

/** In memory, until the samples are acknowledged: they may have to be sent again. */
export class SampleStore implements AudioStore {
  readonly hasFile = false;
  readonly samplesInFile = 0;
  readonly #maxSamples: number;
  #chunks: Int16Array[] = [];
  #start = 0;
  #end = 0;
  /** End of the last read, where the next one usually starts. Avoids a search, because there may be many chunks. */
  #last = { chunk: 0, firstSample: 0 };

  constructor(maxSamples = MAX_SAMPLES) {
    this.#maxSamples = maxSamples;
  }

  /** Position of the first sample in the buffer. */
  get start(): number {
    return this.#start;
  }

  /** Total number of appended samples. */
  get end(): number {
    return this.#end;
  }

  get isFull(): boolean {
    return this.#end - this.#start >= this.#maxSamples;
  }

  /** Copies the samples, because the recorder reuses its buffer. */
  append(samples: Int16Array): void {
    if (samples.length === 0) return;
    this.#chunks.push(samples.slice());
    this.#end += samples.length;
  }

  /** Removes all chunks that end at or before `sample`. */
  releaseBefore(sample: number): void {
    let released = 0;
    for (const chunk of this.#chunks) {
      if (this.#start + chunk.length > sample) break;
      this.#start += chunk.length;
      released += 1;
    }
    if (released === 0) return;
    this.#chunks.splice(0, released);
    this.#last = { chunk: 0, firstSample: this.#start };
  }

  read(sample: number, maxSamples: number): Uint8Array {
    if (sample < this.#last.firstSample) this.#last = { chunk: 0, firstSample: this.#start };
    const bytes = new Uint8Array(2 * Math.min(maxSamples, this.#end - sample));
    const view = new DataView(bytes.buffer);
    let { chunk: index, firstSample } = this.#last;
    for (let filled = 0; 2 * filled < bytes.length;) {
      const chunk = this.#chunks[index];
      if (chunk === undefined) break;
      const from = sample + filled - firstSample;
      const count = Math.min(chunk.length - from, bytes.length / 2 - filled);
      for (let i = 0; i < count; i++) view.setInt16(2 * (filled + i), chunk[from + i] ?? 0, true);
      filled += Math.max(0, count);
      if (from + count < chunk.length) break;
      index += 1;
      firstSample += chunk.length;
    }
    this.#last = { chunk: index, firstSample };
    return bytes;
  }
}
