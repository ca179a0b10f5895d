import { mx, type MxArray } from '../index.js';
import { panelled, type Memory } from './memory.js';
import type { LayerNorm } from './norm.js';
import { PackedLinear } from './packed.js';
import { PanelCache } from './panel-cache.js';
import type { AnyLinear } from './quantized.js';
import type { SelfAttentionCache } from './self-attention-cache.js';

/** The layers of a pre-norm decoder block with cross-attention and a GELU MLP, in the order in which they run. */
export interface DecoderLayers {
  readonly products: readonly [
    qkv: AnyLinear,
    out: AnyLinear,
    crossQuery: AnyLinear,
    crossOut: AnyLinear,
    mlp1: AnyLinear,
    mlp2: AnyLinear,
  ];
  readonly norms: readonly [attention: LayerNorm, cross: LayerNorm, mlp: LayerNorm];
  readonly heads: number;
}

/** x [B, T, D] at the positions after those in `cache` → the same; the cache grows by T. */
export type DecoderStep = (x: MxArray, cache: SelfAttentionCache, memory: Memory) => MxArray;

/**
 * A decoder block as one op of the CPU kernels, where its layers are packed; undefined elsewhere. A small model's step
 * has some fifty ops otherwise, and starting one takes as long as a third of them run.
 */
export function fuseDecoderBlock({ products, norms, heads }: DecoderLayers): DecoderStep | undefined {
  const packed = products.filter((layer) => layer instanceof PackedLinear);
  const eps = norms[0].eps;
  const width = packed.at(1)?.outputs ?? 0;
  if (packed.length < products.length || norms.some((norm) => norm.eps !== eps) || !panelled(width / heads)) return undefined; // prettier-ignore
  const weights = [
    ...packed.flatMap(({ panels, scales, biases, bias }) => [panels, scales, biases, bias]),
    ...norms.flatMap(({ weight, bias }) => [weight, bias]),
  ];
  return (x, cache, [memoryKeys, memoryValues]) => {
    if (!(cache instanceof PanelCache)) throw new RangeError('a fused decoder block needs a PanelCache');
    const [batch = 0, added = 0] = x.shape;
    const { keys, values, offset } = cache.claim(batch, heads, width / heads, added);
    return mx.cpu.decoderBlock(x, keys, values, memoryKeys, memoryValues, weights, offset, eps);
  };
}
