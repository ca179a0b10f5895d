/** Writes the arrays of a network with random values, for what depends on their number and shape only. */
import { join } from 'node:path';

import { mx, type Dtype, type MxArray } from '#native/index.js';
import type { Module } from '#native/nn/index.js';

/**
 * Writes `model.safetensors` under the names of the network's own arrays.
 *
 * @param toStored the array as a checkpoint of the family has it
 */
export function writeRandomArrays(
  dir: string,
  network: Module,
  dtype: Dtype,
  toStored = (array: MxArray): MxArray => array,
): void {
  mx.tidy(() => {
    const weights: Record<string, MxArray> = {};
    let seed = 0;
    for (const [name, { shape }] of network.namedParameters()) {
      const inputs = shape.slice(1).reduce((product, n) => product * n, 1);
      const random = mx.random.normal(shape, { scale: inputs ** -0.5, key: mx.random.key(seed++) });
      const values = /norm\w*\.weight$/.test(name) ? mx.ones(shape) : random;
      weights[name] = toStored(values).astype(dtype);
    }
    mx.saveSafetensors(join(dir, 'model.safetensors'), weights, {});
  });
}
