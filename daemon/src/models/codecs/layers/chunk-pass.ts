/**
 * One chunk of a stream on its way through a network. The state of a stream is a value: the arrays that each layer keeps, in
 * the order in which a chunk passes the layers. A pass reads the state before the chunk and collects the state after it, so a
 * cancelled pass changes nothing.
 */
import { mx, type MxArray } from '#native/index.js';

/** What the layers of a stream keep between two chunks. Its owner frees it. */
export interface StreamState {
  readonly arrays: readonly MxArray[];
  /** Frames before the next chunk, of the layers that count them. */
  readonly positions: readonly number[];
  dispose(): void;
}

export class ChunkPass {
  /** Whether no chunk of the stream follows. */
  readonly isLast: boolean;
  readonly #before: StreamState | undefined;
  readonly #arrays: MxArray[] = [];
  readonly #positions: number[] = [];

  /** @param before undefined for the first chunk; it stays valid */
  constructor(before?: StreamState, isLast = false) {
    this.#before = before;
    this.isLast = isLast;
  }

  get isFirst(): boolean {
    return this.#before === undefined;
  }

  /**
   * Replaces the array of the next layer.
   *
   * @param after from the array before the chunk (undefined for the first chunk) to the one after it
   */
  exchange<T>(after: (before: MxArray | undefined) => readonly [result: T, state: MxArray]): T {
    const [result, state] = after(this.#before?.arrays[this.#arrays.length]);
    // A view would keep the memory of the whole chunk.
    this.#arrays.push(mx.keep(mx.contiguous(state)));
    return result;
  }

  /** The position of the chunk in the next layer that counts; `frames`: length of the chunk there. */
  advance(frames: number): number {
    const position = this.#before?.positions[this.#positions.length] ?? 0;
    this.#positions.push(position + frames);
    return position;
  }

  /** The arrays of the state after the chunk so far, for evaluation. */
  get arrays(): readonly MxArray[] {
    return this.#arrays;
  }

  /** The state after the chunk; the caller owns it. */
  finish(): StreamState {
    const arrays = [...this.#arrays];
    return { arrays, positions: [...this.#positions], dispose: () => mx.dispose(arrays) };
  }

  /** Frees the state of a pass that was not finished. */
  dispose(): void {
    mx.dispose(this.#arrays);
  }
}
