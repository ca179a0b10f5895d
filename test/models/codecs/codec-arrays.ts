/** Arrays for the tests of codecs. */
import { mx, type MxArray } from '#native/index.js';
import type { Module } from '#native/nn/index.js';

export function randomArray(shape: readonly number[], seed: number): MxArray {
  return mx.random.normal([...shape], { key: mx.random.key(seed) });
}

/** Gives a network random weights that keep the size of a signal. */
export function withRandomWeights<T extends Module>(network: T): T {
  const weights: Record<string, MxArray> = {};
  let seed = 100;
  for (const [name, { shape }] of network.namedParameters()) {
    const inputs = shape.slice(1).reduce((product, n) => product * n, 1);
    weights[name] = mx.tidy(() => mx.multiply(randomArray(shape, seed++), inputs ** -0.5));
  }
  return network.loadWeights(weights);
}

/** The largest distance of two arrays of the same shape. */
export function differenceOf(a: MxArray, b: MxArray): number {
  if (a.shape.join() !== b.shape.join()) return Infinity;
  return mx.tidy(() => Number(mx.max(mx.abs(mx.subtract(a.astype('float32'), b.astype('float32')))).item()));
}
