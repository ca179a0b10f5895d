/** Consecutive samples of a stream, of which the first ones may be dropped. */
export class SampleBuffer {
  #chunks: Float32Array[] = [];
  /** Position of the first kept sample. */
  #first: number;
  #end: number;

  /** @param from position of the first sample to push */
  constructor(from = 0) {
    this.#first = this.#end = from;
  }

  /** Position after the last sample. */
  get end(): number {
    return this.#end;
  }

  /** Appends a copy of the samples. */
  push(samples: Float32Array): void {
    if (samples.length === 0) return;
    this.#chunks.push(samples.slice());
    this.#end += samples.length;
  }

  /** A copy of the samples between two positions. @throws RangeError if some of them are dropped or not pushed yet */
  read(from: number, to: number): Float32Array {
    if (from < this.#first || to > this.#end) throw new RangeError(`samples ${from} to ${to} are not kept`);
    const read = new Float32Array(to - from);
    let at = this.#first;
    for (const chunk of this.#chunks) {
      const [start, end] = [Math.max(from, at), Math.min(to, at + chunk.length)];
      if (end > start) read.set(chunk.subarray(start - at, end - at), start - from);
      at += chunk.length;
    }
    return read;
  }

  /** Frees the chunks before a position. */
  drop(before: number): void {
    for (;;) {
      const [chunk] = this.#chunks;
      if (chunk === undefined || this.#first + chunk.length > before) return;
      this.#chunks.shift();
      this.#first += chunk.length;
    }
  }
}
