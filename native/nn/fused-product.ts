import type { MxArray } from '../index.js';
import { applyEpilogue } from './epilogue.js';
import type { LayerNorm } from './norm.js';

/** Ops fused with a layer's product. The CPU kernels run them in one pass over the input. */
export interface FusedOps {
  /** Layer-norms the input first. */
  norm?: LayerNorm | undefined;
  /** Applies GELU to the result. */
  gelu?: boolean | undefined;
  /** Applies SiLU to the result. */
  silu?: boolean | undefined;
  /** Applies ELU to the result. */
  elu?: boolean | undefined;
  /** A factor of the result, before the residual. */
  scale?: number | undefined;
  /** Added last; has the result's shape or broadcasts to it. */
  residual?: MxArray | undefined;
}

/** scale f(product(norm(x)) + bias) + residual, with MLX's own ops; f is GELU, SiLU, ELU or nothing. */
export function fusedProduct(
  x: MxArray,
  { norm, ...ops }: FusedOps,
  product: (x: MxArray) => MxArray,
  bias: MxArray | null = null,
): MxArray {
  return applyEpilogue(product(norm ? norm.forward(x) : x), { ...ops, bias });
}
