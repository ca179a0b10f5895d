import { mx, type Dtype } from '#native/index.js';
import { canPack } from '#native/nn/index.js';

/** Our CPU kernels, MLX on the CPU without them, or MLX on a GPU. They lay out weights differently. */
export type Backend = 'kernels' | 'cpu' | 'gpu';

export function currentBackend(): Backend {
  if (mx.defaultDevice() === 'gpu') return 'gpu';
  return canPack() ? 'kernels' : 'cpu';
}

/** Bytes per unquantized value. */
export const bytesOf = (dtype: Dtype): number => (dtype === 'float16' || dtype === 'bfloat16' ? 2 : 4);
