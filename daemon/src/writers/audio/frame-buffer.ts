/** Cuts samples of any number into frames of one size. */
export class FrameBuffer {
  readonly #frame: Float32Array;
  #filled = 0;

  /** @param size samples of a frame */
  constructor(size: number) {
    this.#frame = new Float32Array(size);
  }

  /** Each full frame, which is valid until the next one. */
  *push(samples: Float32Array): Generator<Float32Array, void> {
    const size = this.#frame.length;
    for (let at = 0; at < samples.length;) {
      const part = samples.subarray(at, at + size - this.#filled);
      this.#frame.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < size) return;
      this.#filled = 0;
      yield this.#frame;
    }
  }

  /** What does not fill a frame. */
  rest(): Float32Array {
    return this.#frame.subarray(0, this.#filled);
  }
}
