/** Numbers of a few bits each, one after the other, least significant bit first. */

export class LsbReader {
  readonly #bytes: Uint8Array;
  #bit: number;

  /** @param start the first byte to read; bits behind the last byte are 0 */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#bit = 8 * start;
  }

  read(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++, this.#bit++) {
      value += (((this.#bytes[Math.floor(this.#bit / 8)] ?? 0) >> (this.#bit % 8)) & 1) * 2 ** i;
    }
    return value;
  }
}

export class LsbWriter {
  readonly bytes: Uint8Array;
  #bit = 0;

  /** @param length number of bytes */
  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  write(value: number, bits: number): void {
    for (let i = 0; i < bits; i++, this.#bit++) {
      const at = Math.floor(this.#bit / 8);
      this.bytes[at] = (this.bytes[at] ?? 0) | (((value >> i) & 1) << (this.#bit % 8));
    }
  }
}
