import type { MxArray } from '../index.js';
import { applyEpilogue } from './epilogue.js';
import type { LayerNorm } from './norm.js';

/** What stands around a layer's product in a transformer. The CPU kernels do all of it in one go over the input. */
export interface FusedArgs {
  /** The input is normed first. */
  norm?: LayerNorm | undefined;
  /** GELU of the result. */
  gelu?: boolean | undefined;
  /** Added last; its shape is the result's, or broadcasts to it. */
  residual?: MxArray | undefined;
}

/** gelu(product(norm(x)) + bias) + residual, by MLX's own ops. */
export function fusedLinear(
  x: MxArray,
  { norm, gelu, residual }: FusedArgs,
  product: (x: MxArray) => MxArray,
  bias: MxArray | null = null,
): MxArray {
  return applyEpilogue(product(norm ? norm.forward(x) : x), { bias, gelu, residual });
}
