/**
 * Joins decoded segments: each is weighted by a triangle, and a position is divided by the weights of all segments that cover
 * it, so that one fades into the next.
 */
export class OverlapAdd {
  readonly #stride: number;
  readonly #channels: number;
  /** Of the first segment, which all others are cut from. */
  #weights: Float64Array | undefined;
  /** Sums from the start of the next segment on, interleaved, and the weights of their positions. */
  #sums = new Float64Array(0);
  #weightSums = new Float64Array(0);

  /** @param stride samples from the start of a segment to the start of the next */
  constructor(stride: number, channels: number) {
    this.#stride = stride;
    this.#channels = channels;
  }

  /**
   * @param segment interleaved samples
   * @param isLast whether no segment follows
   * @returns samples that no later segment changes, interleaved
   */
  add(segment: Float32Array, isLast: boolean): Float32Array {
    const channels = this.#channels;
    const length = segment.length / channels;
    const weights = (this.#weights ??= triangle(length));
    const sums = extended(this.#sums, segment.length);
    const weightSums = extended(this.#weightSums, length);
    for (let t = 0; t < length; t++) {
      const weight = weights[t] ?? 0;
      weightSums[t] = (weightSums[t] ?? 0) + weight;
      for (let c = 0; c < channels; c++) {
        const i = t * channels + c;
        sums[i] = (sums[i] ?? 0) + weight * (segment[i] ?? 0);
      }
    }
    const done = isLast ? weightSums.length : Math.min(this.#stride, weightSums.length);
    const result = new Float32Array(done * channels);
    for (let i = 0; i < result.length; i++)
      result[i] = (sums[i] ?? 0) / (weightSums[Math.floor(i / channels)] ?? 1);
    this.#sums = sums.slice(done * channels);
    this.#weightSums = weightSums.slice(done);
    return result;
  }
}

function triangle(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => 0.5 - Math.abs((i + 1) / (length + 1) - 0.5));
}

function extended(values: Float64Array, length: number): Float64Array {
  if (values.length >= length) return values;
  const longer = new Float64Array(length);
  longer.set(values);
  return longer;
}
