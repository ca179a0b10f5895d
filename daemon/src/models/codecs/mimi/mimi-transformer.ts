/** The transformers of Mimi: norms before attention and MLP, a scale for each channel behind them. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from '../layers/chunk-pass.js';
import type { StreamingLayer } from '../layers/seanet.js';
import type { MimiConfig } from './mimi-config.js';
import { attendInWindow, type WindowOptions } from './window-attention.js';

class LayerScale extends nn.Module {
  scale: MxArray; // [D]

  constructor(dims: number) {
    super();
    this.scale = nn.parameter([dims]);
  }

  forward(x: MxArray): MxArray {
    return mx.multiply(x, this.scale);
  }
}

class MimiAttention extends nn.Module {
  qkv_proj: nn.AnyLinear;
  o_proj: nn.AnyLinear;
  readonly options: WindowOptions;

  constructor({ hidden_size: dims, num_attention_heads: heads, head_dim: headDims, ...config }: MimiConfig) {
    super();
    this.qkv_proj = new nn.Linear(dims, 3 * heads * headDims, { bias: false });
    this.o_proj = new nn.Linear(heads * headDims, dims, { bias: false });
    this.options = { heads, window: config.sliding_window, ropeBase: config.rope_theta };
  }
}

class MimiMlp extends nn.Module {
  fc1: nn.AnyLinear;
  fc2: nn.AnyLinear;

  constructor({ hidden_size: dims, intermediate_size: wide }: MimiConfig) {
    super();
    this.fc1 = new nn.Linear(dims, wide, { bias: false });
    this.fc2 = new nn.Linear(wide, dims, { bias: false });
  }
}

export class MimiTransformerLayer extends nn.Module implements StreamingLayer {
  self_attn: MimiAttention;
  mlp: MimiMlp;
  input_layernorm: nn.LayerNorm;
  post_attention_layernorm: nn.LayerNorm;
  self_attn_layer_scale: LayerScale;
  mlp_layer_scale: LayerScale;

  constructor(config: MimiConfig) {
    super();
    const { hidden_size: dims, norm_eps: eps } = config;
    this.self_attn = new MimiAttention(config);
    this.mlp = new MimiMlp(config);
    this.input_layernorm = new nn.LayerNorm(dims, { eps });
    this.post_attention_layernorm = new nn.LayerNorm(dims, { eps });
    this.self_attn_layer_scale = new LayerScale(dims);
    this.mlp_layer_scale = new LayerScale(dims);
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: MxArray): MxArray {
    return this.run(x);
  }

  stream(x: MxArray, pass: ChunkPass): MxArray {
    return this.run(x, pass);
  }

  protected run(x: MxArray, pass?: ChunkPass): MxArray {
    const { self_attn: attention, mlp } = this;
    const qkv = attention.qkv_proj.forward(this.input_layernorm.forward(x));
    const attended = attention.o_proj.forward(attendInWindow(qkv, attention.options, pass));
    x = mx.add(x, this.self_attn_layer_scale.forward(attended));
    const inner = nn.gelu(mlp.fc1.forward(this.post_attention_layernorm.forward(x)));
    return mx.add(x, this.mlp_layer_scale.forward(mlp.fc2.forward(inner)));
  }
}

export class MimiTransformer extends nn.Module {
  layers: StreamingLayer[];

  constructor(config: MimiConfig) {
    super();
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new MimiTransformerLayer(config));
  }
}

/** The same in fewer ops: norms, GELU and residuals in the pass of a product, whose rows are scaled already. */
export class FusedMimiLayer extends nn.Module implements StreamingLayer {
  qkv: nn.AnyLinear;
  out: nn.AnyLinear;
  fc1: nn.AnyLinear;
  fc2: nn.AnyLinear;
  norm1: nn.LayerNorm;
  norm2: nn.LayerNorm;
  readonly options: WindowOptions;

  /** Takes over the weights of `layer`. */
  constructor(layer: MimiTransformerLayer) {
    super();
    this.options = layer.self_attn.options;
    this.qkv = layer.self_attn.qkv_proj;
    this.fc1 = layer.mlp.fc1;
    this.norm1 = layer.input_layernorm;
    this.norm2 = layer.post_attention_layernorm;
    this.out = scaledRows(layer.self_attn.o_proj, layer.self_attn_layer_scale);
    this.fc2 = scaledRows(layer.mlp.fc2, layer.mlp_layer_scale);
  }

  forward(x: MxArray): MxArray {
    return this.#run(x);
  }

  stream(x: MxArray, pass: ChunkPass): MxArray {
    return this.#run(x, pass);
  }

  #run(x: MxArray, pass?: ChunkPass): MxArray {
    const attended = attendInWindow(this.qkv.fused(x, { norm: this.norm1 }), this.options, pass);
    x = this.out.fused(attended, { residual: x });
    return this.fc2.fused(this.fc1.fused(x, { norm: this.norm2, gelu: true }), { residual: x });
  }
}

/** The layer with the scale of its outputs in its weights. Frees `scale`. */
function scaledRows(layer: nn.AnyLinear, { scale }: LayerScale): nn.AnyLinear {
  if (!(layer instanceof nn.Linear)) throw new RangeError('only a plain layer can be scaled');
  layer.loadWeights({ weight: mx.tidy(() => mx.multiply(layer.weight, mx.expandDims(scale, 1))) });
  scale.dispose();
  return layer;
}
