import { mx, type Dtype } from '#native/index.js';
import { canPack } from '#native/nn/index.js';

/** Who computes: our kernels, MLX on the CPU where they are not built, or MLX on a GPU. They lay weights out differently. */
export type Backend = 'kernels' | 'cpu' | 'gpu';

export function currentBackend(): Backend {
  if (mx.defaultDevice() === 'gpu') return 'gpu';
  return canPack() ? 'kernels' : 'cpu';
}

/** Of one number that is not packed. */
export const bytesOf = (dtype: Dtype): number => (dtype === 'float16' || dtype === 'bfloat16' ? 2 : 4);
