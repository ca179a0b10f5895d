/**
 * Audio of any length in overlapping chunks for a model whose frames depend on their neighborhood. Each chunk is computed
 * with context on both sides, whose frames are dropped; the remaining frames joined are those of the whole audio, so a text is
 * decoded once and never merged.
 */

export interface ChunkGeometry {
  /** Samples from one frame to the next. */
  readonly hop: number;
  /** Samples that a frame reads; at least `hop`. */
  readonly window: number;
  /** Frames to keep of each chunk. */
  readonly frames: number;
  /** Frames of context on each side. */
  readonly context: number;
}

export interface AudioChunk {
  readonly samples: Float32Array;
  /** Frames to drop at the start. */
  readonly skip: number;
  /** Frames to keep after these; Infinity in the last chunk. */
  readonly keep: number;
}

/**
 * Reads a stream and holds one chunk of it at a time. The last chunk may be up to `context` frames longer, so that none
 * consists of context alone.
 */
export async function* overlappingChunks(
  stream: AsyncIterable<Float32Array>,
  { hop, window, frames, context }: ChunkGeometry,
): AsyncGenerator<AudioChunk, void> {
  const buffer = new SampleBuffer(stream);
  for (let first = 0; ; first += frames) {
    const from = Math.max(0, first - context);
    const end = (first + frames + context - 1) * hop + window;
    buffer.drop(from * hop);
    // A frame more than needed shows whether this is the last chunk.
    const isLast = !(await buffer.fill(end + hop));
    const samples = buffer.slice(from * hop, isLast ? Infinity : end);
    yield { samples, skip: first - from, keep: isLast ? Infinity : frames };
    if (isLast) return;
  }
}

/** The samples of a stream from a position on. */
class SampleBuffer {
  readonly #stream: AsyncIterator<Float32Array>;
  #samples = new Float32Array(0);
  #start = 0;
  #length = 0;

  constructor(stream: AsyncIterable<Float32Array>) {
    this.#stream = stream[Symbol.asyncIterator]();
  }

  /** Forgets the samples before `start`. */
  drop(start: number): void {
    const dropped = Math.min(this.#length, start - this.#start);
    this.#samples.copyWithin(0, dropped, this.#length);
    this.#length -= dropped;
    this.#start += dropped;
  }

  /** Reads up to position `end`. @returns whether the stream has as many samples */
  async fill(end: number): Promise<boolean> {
    while (this.#start + this.#length < end) {
      const next = await this.#stream.next();
      if (next.done === true) return false;
      const { value } = next;
      if (this.#length + value.length > this.#samples.length) {
        const larger = new Float32Array(Math.max(2 * this.#samples.length, this.#length + value.length));
        larger.set(this.#samples.subarray(0, this.#length));
        this.#samples = larger;
      }
      this.#samples.set(value, this.#length);
      this.#length += value.length;
    }
    return true;
  }

  slice(from: number, to: number): Float32Array {
    return this.#samples.slice(from - this.#start, Math.min(this.#length, to - this.#start));
  }
}
