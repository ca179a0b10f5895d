/** A queue of audio in memory, s16le mono, that can be read at any place without copying the rest. */
import { BYTES_PER_SAMPLE } from '../../protocol/live.js';

interface Piece {
  /** Number of its first sample, counted from the first one ever pushed. */
  readonly at: number;
  readonly pcm: Buffer;
}

/** Limit of removed pieces that stay in the array. */
const MAX_DEAD_PIECES = 1024;

export class PcmQueue {
  #pieces: Piece[] = [];
  /** Index of the first piece in the queue. */
  #first = 0;
  #end = 0;

  /** Samples in the queue. */
  get samples(): number {
    return this.#end - (this.#pieces[this.#first]?.at ?? this.#end);
  }

  /** The oldest piece. */
  get first(): Buffer | undefined {
    return this.#pieces[this.#first]?.pcm;
  }

  /** Keeps `pcm` itself, not a copy. */
  push(pcm: Uint8Array): void {
    this.#pieces.push({ at: this.#end, pcm: Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength) });
    this.#end += pcm.byteLength / BYTES_PER_SAMPLE;
  }

  /** Drops the oldest piece. */
  shift(): void {
    if (this.#first >= this.#pieces.length) return;
    this.#first += 1;
    if (this.#first < MAX_DEAD_PIECES && this.#first < this.#pieces.length) return;
    this.#pieces = this.#pieces.slice(this.#first);
    this.#first = 0;
  }

  /** Samples from one number to another, counted from the oldest in the queue; fewer past the end. */
  read(from: number, to: number): Buffer {
    const start = (this.#pieces[this.#first]?.at ?? this.#end) + Math.max(0, from);
    const end = Math.min(start + to - Math.max(0, from), this.#end);
    const chunks: Buffer[] = [];
    for (let i = this.#indexOf(start); i < this.#pieces.length; i++) {
      const piece = this.#pieces[i];
      if (piece === undefined || piece.at >= end) break;
      const begin = Math.max(0, start - piece.at) * BYTES_PER_SAMPLE;
      chunks.push(piece.pcm.subarray(begin, (end - piece.at) * BYTES_PER_SAMPLE));
    }
    return Buffer.concat(chunks);
  }

  /** Index of the piece that contains a sample. */
  #indexOf(sample: number): number {
    let low = this.#first;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#pieces[middle]?.at ?? Infinity) <= sample) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
