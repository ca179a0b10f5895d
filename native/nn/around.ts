import { mx, type MxArray } from '../index.js';
import type { LayerNorm } from './norm.js';

/** What stands around a layer's product in a transformer. The CPU kernels do all of it in one go over the input. */
export interface Around {
  /** The input is normed first. */
  norm?: LayerNorm | undefined;
  /** GELU of the result. */
  gelu?: boolean | undefined;
  /** Added last; its shape is the result's, or broadcasts to it. */
  residual?: MxArray | undefined;
}

/** gelu(product(norm(x))) + residual, one op after another. */
export function around(
  x: MxArray,
  { norm, gelu, residual }: Around,
  product: (x: MxArray) => MxArray,
): MxArray {
  let y = product(norm ? norm.forward(x) : x);
  if (gelu) y = mx.fast.gelu(y);
  return residual ? mx.add(y, residual) : y;
}
