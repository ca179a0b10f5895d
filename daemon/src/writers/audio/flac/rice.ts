/** Residuals in Rice codes, in parts with a parameter each (RFC 9639 §9.2.7). */
import type { BitWriter } from './bit-writer.js';

const MAX_PARTITION_ORDER = 6;
/** 15 would announce plain residuals. */
const MAX_PARAMETER = 14;
/** Of the method and the order. */
const HEADER_BITS = 6;
const PARAMETER_BITS = 4;

export interface Partition {
  /** 2 to the power of it is the number of parts. */
  readonly order: number;
  readonly parameters: readonly number[];
  /** At most so many bits, headers included. */
  readonly bits: number;
}

/** The cheapest division. @param predictorOrder so many first residuals are not written */
export function partitionOf(residuals: Int32Array, predictorOrder: number): Partition {
  const length = residuals.length;
  let order = MAX_PARTITION_ORDER;
  while (order > 0 && (length % (1 << order) !== 0 || length >> order <= predictorOrder)) order--;
  const size = length >> order;
  let sums = Array.from({ length: 1 << order }, (_, part) => {
    let sum = 0;
    const end = (part + 1) * size;
    for (let i = Math.max(predictorOrder, part * size); i < end; i++) sum += zigzag(residuals[i] as number);
    return sum;
  });
  let best = costOf(sums, length, predictorOrder);
  while (sums.length > 1) {
    const halves = sums;
    sums = Array.from(
      { length: halves.length / 2 },
      (_, i) => (halves[2 * i] as number) + (halves[2 * i + 1] as number),
    );
    const cost = costOf(sums, length, predictorOrder);
    if (cost.bits <= best.bits) best = cost;
  }
  return best;
}

/** @param sums of the zigzag residuals of each part */
function costOf(sums: readonly number[], length: number, predictorOrder: number): Partition {
  let bits = HEADER_BITS;
  const parameters = sums.map((sum, part) => {
    const count = length / sums.length - (part === 0 ? predictorOrder : 0);
    let parameter = 0;
    let cheapest = count + sum;
    for (let k = 1; k <= MAX_PARAMETER; k++) {
      const cost = count * (k + 1) + sum / 2 ** k;
      if (cost < cheapest) [cheapest, parameter] = [cost, k];
    }
    bits += PARAMETER_BITS + cheapest;
    return parameter;
  });
  return { order: Math.log2(sums.length), parameters, bits };
}

export function writeResiduals(
  out: BitWriter,
  residuals: Int32Array,
  predictorOrder: number,
  { order, parameters }: Partition,
): void {
  const size = residuals.length >> order;
  out.write(0, 2);
  out.write(order, HEADER_BITS - 2);
  for (const [part, parameter] of parameters.entries()) {
    out.write(parameter, PARAMETER_BITS);
    const end = (part + 1) * size;
    for (let i = Math.max(predictorOrder, part * size); i < end; i++) {
      const value = zigzag(residuals[i] as number);
      out.writeUnary(value >>> parameter);
      out.write(value, parameter);
    }
  }
}

/** 0, −1, 1, −2, … as 0, 1, 2, 3, … */
function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}
