/** Reads the bits of one AAC frame, most significant first. A read past the end throws, and the frame is dropped. */
export class BitReader {
  /** In bits, from the start of `bytes`. */
  position = 0;
  readonly #end: number;

  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length * 8;
  }

  /** @param count 0 to 24 */
  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  /** Returns the next `count` bits (at most 24) without consuming them; zeros past the end. */
  peek(count: number): number {
    const at = this.position >>> 3;
    const bytes = this.#bytes;
    const word =
      ((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0);
    return count === 0 ? 0 : (word << (this.position & 7)) >>> (32 - count);
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.#end) throw new RangeError('an AAC frame ends early');
  }

  align(): void {
    this.position = (this.position + 7) & ~7;
  }

  get remainingBits(): number {
    return this.#end - this.position;
  }
}
