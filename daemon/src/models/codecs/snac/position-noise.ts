/** Noise of which each value follows from its position, so that chunks of any size have that of the whole. */
import { mx, type MxArray } from '#native/index.js';

import type { DecoderNoise } from './snac-network.js';
import { product } from '../layers/reach.js';

const BITS = 2 ** 32;

/** Normally distributed values of `seed`, a stage and a position, by hashing (Box and Muller, 1958). */
export function noiseValues(seed: number, stage: number, from: number, length: number): Float32Array {
  const values = new Float32Array(length);
  const key = mixed(mixed(seed) ^ stage);
  // Positions beyond 2^32 change the key.
  for (let i = 0; i < length; i++) {
    const position = from + i;
    const own = mixed(key ^ mixed(position >>> 0) ^ Math.floor(position / BITS));
    const radius = Math.sqrt(-2 * Math.log((own + 1) / (BITS + 1)));
    values[i] = radius * Math.cos((2 * Math.PI * mixed(own ^ 0x9e3779b9)) / BITS);
  }
  return values;
}

/**
 * The noise of a chunk.
 *
 * @param frame first frame of the chunk
 * @param rates of the stages of the decoder
 */
export function positionNoise(seed: number, frame: number, rates: readonly number[]): DecoderNoise {
  return (stage, length): MxArray => {
    const perFrame = product(rates.slice(0, stage + 1));
    return mx.array(noiseValues(seed, stage, frame * perFrame, length), [1, length, 1]);
  };
}

/** A permutation of 32 bits whose every bit depends on all bits of `x` (splitmix’s finalizer in 32 bits). */
function mixed(x: number): number {
  let y = (x + 0x9e3779b9) | 0;
  y = Math.imul(y ^ (y >>> 16), 0x21f0aaad);
  y = Math.imul(y ^ (y >>> 15), 0x735a2d97);
  return (y ^ (y >>> 15)) >>> 0;
}
