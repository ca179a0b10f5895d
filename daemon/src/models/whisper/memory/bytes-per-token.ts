import { mx } from '#native/index.js';

import { readConfig } from '../checkpoint/checkpoint.js';
import { tokenNumbers } from './flop.js';

/** Positions that cross-attention reads: a window of 30 s. */
const WINDOW_POSITIONS = 1_500;

/**
 * Bytes read from memory for each token: weights at their width, scales and biases, and the cross-attention cache.
 *
 * @throws SottoError as loading would
 */
export async function bytesPerToken(dir: string): Promise<number> {
  const config = await readConfig(dir);
  const { layers, output, memory } = tokenNumbers(config, WINDOW_POSITIONS);
  const { quantization } = config;
  const activation = mx.defaultDevice() === 'gpu' ? 2 : 4;
  const weight =
    quantization === undefined ? activation : quantization.bits / 8 + (2 * 2) / quantization.groupSize;
  return (layers + output) * weight + memory * activation;
}
