import { mx, type MxArray } from '../index.js';
import type { CrossAttentionCache } from './cross-attention.js';
import { Module } from './module.js';
import type { LayerNorm } from './norm.js';
import { PackedLinear } from './packed.js';
import { PanelCache } from './panel-cache.js';
import type { AnyLinear } from './quantized.js';
import type { SelfAttentionCache } from './self-attention-cache.js';

/** The layers of a pre-norm decoder block with cross-attention and a GELU MLP, in execution order. */
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

/**
 * A step of a decoder block as one op of the CPU kernels. Otherwise a step of a small model has about fifty ops, and a
 * third of them take no longer to run than to start. Shares the weights of its layers.
 */
export class DecoderStep extends Module {
  _weights: MxArray; // represents all of them
  readonly heads: number;
  readonly headWidth: number;
  readonly eps: number;

  private constructor(layers: readonly PackedLinear[], { norms, heads }: DecoderLayers, headWidth: number) {
    super();
    this.heads = heads;
    this.headWidth = headWidth;
    this.eps = norms[0].eps;
    this._weights = mx.keep(
      mx.cpu.decoderWeights([
        ...layers.flatMap(({ panels, scales, biases, bias }) => [panels, scales, biases, bias]),
        ...norms.flatMap(({ weight, bias }) => [weight, bias]),
      ]),
    );
  }

  /** Undefined unless all layers are packed, with heads of a multiple of 16. */
  static of(layers: DecoderLayers): DecoderStep | undefined {
    const { products, norms, heads } = layers;
    const packed = products.filter((layer) => layer instanceof PackedLinear);
    const headWidth = (packed.at(1)?.outputs ?? 0) / heads;
    const alike = norms.every((norm) => norm.eps === norms[0].eps);
    if (packed.length < products.length || !alike || headWidth % 16 !== 0) return undefined;
    return new DecoderStep(packed, layers, headWidth);
  }

  /** x [B, T, D] at the positions after those in `cache` → [B, T, D]; the cache grows by T. */
  forward(x: MxArray, cache: SelfAttentionCache, [crossKeys, crossValues]: CrossAttentionCache): MxArray {
    if (!(cache instanceof PanelCache)) throw new RangeError('a decoder step needs a PanelCache');
    const [batch = 0, added = 0] = x.shape;
    const { keys, values, offset } = cache.reserve(batch, this.heads, this.headWidth, added);
    return mx.cpu.decoderBlock(x, keys, values, crossKeys, crossValues, this._weights, offset, this.eps);
  }
}
