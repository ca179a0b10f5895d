/**
 * The Wav2Vec2 network (Baevski et al., arXiv 2006.11477) with a CTC head: convolutions over the samples, a transformer
 * encoder, a linear layer over letters. Fields carry the names of the checkpoint's tensors. `fused-wav2vec2.ts` computes the
 * same in fewer ops.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { Wav2Vec2Config } from './wav2vec2-config.js';

/** A convolution without padding, a norm and GELU. */
export class ConvLayer extends nn.Module {
  conv: nn.AnyConv1d;
  /** Over the channels of each frame, over the time of each channel, or none. */
  layer_norm: nn.LayerNorm | nn.GroupNorm | null;

  constructor(config: Wav2Vec2Config, index: number) {
    super();
    const { conv_dim: dims, conv_kernel: kernels, conv_stride: strides, conv_bias: bias } = config;
    const outputs = dims[index] ?? 0;
    this.conv = new nn.Conv1d(index === 0 ? 1 : (dims[index - 1] ?? 0), outputs, kernels[index] ?? 0, {
      stride: strides[index] ?? 1,
      bias,
    });
    this.layer_norm = config.feat_extract_norm === 'layer' ? new nn.LayerNorm(outputs) : null;
    if (config.feat_extract_norm === 'group' && index === 0) {
      this.layer_norm = new nn.GroupNorm(outputs, outputs);
    }
  }

  /** [B, T, C] → [B, ⌊(T - kernel) / stride⌋ + 1, C'] */
  forward(x: MxArray): MxArray {
    x = this.conv.forward(x);
    return nn.gelu(this.layer_norm ? this.layer_norm.forward(x) : x);
  }
}

class FeatureExtractor extends nn.Module {
  conv_layers: ConvLayer[];

  constructor(config: Wav2Vec2Config) {
    super();
    this.conv_layers = config.conv_dim.map((_, i) => new ConvLayer(config, i));
  }
}

class FeatureProjection extends nn.Module {
  layer_norm: nn.LayerNorm;
  projection: nn.AnyLinear;

  constructor({ conv_dim: dims, hidden_size: hidden, layer_norm_eps: eps }: Wav2Vec2Config) {
    super();
    const inputs = dims.at(-1) ?? 0;
    this.layer_norm = new nn.LayerNorm(inputs, { eps });
    this.projection = new nn.Linear(inputs, hidden);
  }

  forward(x: MxArray): MxArray {
    return this.projection.forward(this.layer_norm.forward(x));
  }
}

/** Relative positions: a grouped convolution over some 2.5 s. */
export class PositionalConv extends nn.Module {
  conv: nn.Conv1d;

  constructor(config: Wav2Vec2Config) {
    super();
    const { hidden_size: hidden, num_conv_pos_embeddings: kernel } = config;
    this.conv = new nn.Conv1d(hidden, hidden, kernel, {
      padding: Math.floor(kernel / 2),
      groups: config.num_conv_pos_embedding_groups,
    });
  }

  /** [B, T, D] → [B, T, D]; an even kernel gives a frame too many. */
  forward(x: MxArray): MxArray {
    return nn.gelu(firstFrames(this.conv.forward(x), x.shape[1] ?? 0));
  }
}

export class Wav2Vec2Attention extends nn.Module {
  q_proj: nn.AnyLinear;
  k_proj: nn.AnyLinear;
  v_proj: nn.AnyLinear;
  out_proj: nn.AnyLinear;
  readonly heads: number;

  constructor({ hidden_size: dims, num_attention_heads: heads }: Wav2Vec2Config) {
    super();
    this.q_proj = new nn.Linear(dims, dims);
    this.k_proj = new nn.Linear(dims, dims);
    this.v_proj = new nn.Linear(dims, dims);
    this.out_proj = new nn.Linear(dims, dims);
    this.heads = heads;
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: MxArray): MxArray {
    const qkv = mx.concatenate([this.q_proj.forward(x), this.k_proj.forward(x), this.v_proj.forward(x)], 2);
    return this.out_proj.forward(nn.selfAttend(qkv, this.heads));
  }
}

export class Wav2Vec2FeedForward extends nn.Module {
  intermediate_dense: nn.AnyLinear;
  output_dense: nn.AnyLinear;

  constructor({ hidden_size: dims, intermediate_size: wide }: Wav2Vec2Config) {
    super();
    this.intermediate_dense = new nn.Linear(dims, wide);
    this.output_dense = new nn.Linear(wide, dims);
  }

  forward(x: MxArray): MxArray {
    return this.output_dense.forward(nn.gelu(this.intermediate_dense.forward(x)));
  }
}

/** What a language adds to each layer (Pratap et al., arXiv 2305.13516). */
export class LanguageAdapter extends nn.Module {
  norm: nn.LayerNorm;
  linear_1: nn.AnyLinear;
  linear_2: nn.AnyLinear;

  constructor(dims: number, inner: number) {
    super();
    this.norm = new nn.LayerNorm(dims);
    this.linear_1 = new nn.Linear(dims, inner);
    this.linear_2 = new nn.Linear(inner, dims);
  }

  forward(x: MxArray): MxArray {
    return this.linear_2.forward(nn.relu(this.linear_1.forward(this.norm.forward(x))));
  }
}

/** A layer with its norms after each residual. */
export class Wav2Vec2Layer extends nn.Module {
  attention: Wav2Vec2Attention;
  layer_norm: nn.LayerNorm;
  feed_forward: Wav2Vec2FeedForward;
  final_layer_norm: nn.LayerNorm;

  constructor(config: Wav2Vec2Config) {
    super();
    const { hidden_size: dims, layer_norm_eps: eps } = config;
    this.attention = new Wav2Vec2Attention(config);
    this.layer_norm = new nn.LayerNorm(dims, { eps });
    this.feed_forward = new Wav2Vec2FeedForward(config);
    this.final_layer_norm = new nn.LayerNorm(dims, { eps });
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: MxArray): MxArray {
    x = this.layer_norm.forward(mx.add(x, this.attention.forward(x)));
    return this.final_layer_norm.forward(mx.add(x, this.feed_forward.forward(x)));
  }
}

/** A layer with its norms before attention and feed-forward, and the adapter of a language. */
export class StableWav2Vec2Layer extends Wav2Vec2Layer {
  adapter_layer: LanguageAdapter | null;

  constructor(config: Wav2Vec2Config) {
    super(config);
    const { hidden_size: dims, adapter_attn_dim: inner } = config;
    this.adapter_layer = inner === undefined ? null : new LanguageAdapter(dims, inner);
  }

  override forward(x: MxArray): MxArray {
    x = mx.add(x, this.attention.forward(this.layer_norm.forward(x)));
    x = mx.add(x, this.feed_forward.forward(this.final_layer_norm.forward(x)));
    return this.adapter_layer ? mx.add(x, this.adapter_layer.forward(x)) : x;
  }
}

class Encoder extends nn.Module {
  pos_conv_embed: PositionalConv;
  layer_norm: nn.LayerNorm;
  layers: Wav2Vec2Layer[];
  readonly isStable: boolean;

  constructor(config: Wav2Vec2Config) {
    super();
    const { hidden_size: dims, num_hidden_layers: count, layer_norm_eps: eps } = config;
    this.isStable = config.do_stable_layer_norm;
    this.pos_conv_embed = new PositionalConv(config);
    this.layer_norm = new nn.LayerNorm(dims, { eps });
    this.layers = Array.from({ length: count }, () =>
      this.isStable ? new StableWav2Vec2Layer(config) : new Wav2Vec2Layer(config),
    );
  }

  /** Input of the first layer: [B, T, D] → [B, T, D] */
  embed(x: MxArray): MxArray {
    x = mx.add(x, this.pos_conv_embed.forward(x));
    return this.isStable ? x : this.layer_norm.forward(x);
  }

  /** Of the output of the last layer. */
  finish(x: MxArray): MxArray {
    return this.isStable ? this.layer_norm.forward(x) : x;
  }
}

/** A convolution that shortens the output, with a gated linear unit. */
class DownsamplingLayer extends nn.Module {
  conv: nn.AnyConv1d;

  constructor({
    output_hidden_size: dims,
    adapter_kernel_size: kernel,
    adapter_stride: stride,
  }: Wav2Vec2Config) {
    super();
    this.conv = new nn.Conv1d(dims, 2 * dims, kernel, { stride, padding: 1 });
  }

  forward(x: MxArray): MxArray {
    return nn.glu(this.conv.forward(x));
  }
}

/** The layers of `add_adapter`. */
class Downsampling extends nn.Module {
  proj: nn.AnyLinear | null;
  proj_layer_norm: nn.LayerNorm | null;
  layers: DownsamplingLayer[];

  constructor(config: Wav2Vec2Config) {
    super();
    const { hidden_size: dims, output_hidden_size: outputs } = config;
    this.proj = outputs === dims ? null : new nn.Linear(dims, outputs);
    this.proj_layer_norm = outputs === dims ? null : new nn.LayerNorm(outputs);
    this.layers = Array.from({ length: config.num_adapter_layers }, () => new DownsamplingLayer(config));
  }

  /** [B, T, D] → [B, T', D'] */
  forward(x: MxArray): MxArray {
    if (this.proj && this.proj_layer_norm) x = this.proj_layer_norm.forward(this.proj.forward(x));
    for (const layer of this.layers) x = layer.forward(x);
    return x;
  }
}

class Wav2Vec2Body extends nn.Module {
  feature_extractor: FeatureExtractor;
  feature_projection: FeatureProjection;
  encoder: Encoder;
  adapter: Downsampling | null;

  constructor(config: Wav2Vec2Config) {
    super();
    this.feature_extractor = new FeatureExtractor(config);
    this.feature_projection = new FeatureProjection(config);
    this.encoder = new Encoder(config);
    this.adapter = config.add_adapter ? new Downsampling(config) : null;
  }
}

export class Wav2Vec2 extends nn.Module {
  wav2vec2: Wav2Vec2Body;
  lm_head: nn.AnyLinear;

  constructor(readonly config: Wav2Vec2Config) {
    super();
    this.wav2vec2 = new Wav2Vec2Body(config);
    this.lm_head = new nn.Linear(config.output_hidden_size, config.vocab_size);
  }

  /** Dtype of the activations: that of the weights that are never quantized. */
  get dtype(): Dtype {
    return this.wav2vec2.encoder.layer_norm.weight?.dtype ?? 'float32';
  }

  /** Bytes of all its arrays. */
  get nbytes(): number {
    return this.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
  }

  /** Samples [B, L, 1] → logits [B, T, vocab_size] */
  forward(x: MxArray): MxArray {
    for (const step of [...this.featureSteps(), ...this.encoderSteps()]) x = step(x);
    return x;
  }

  /** The convolutions, so that a caller may wait, or stop, between two of them: samples [B, L, 1] → features [B, T, C] */
  featureSteps(): ((x: MxArray) => MxArray)[] {
    return this.wav2vec2.feature_extractor.conv_layers.map((layer) => (x) => layer.forward(x));
  }

  /** The layers behind the convolutions: features [B, T, C] → logits [B, T, vocab_size] */
  encoderSteps(): ((x: MxArray) => MxArray)[] {
    const { feature_projection: projection, encoder, adapter } = this.wav2vec2;
    const head = (x: MxArray): MxArray => this.lm_head.forward(x);
    return [
      (x) => encoder.embed(projection.forward(x)),
      ...encoder.layers.map((layer) => (x: MxArray) => layer.forward(x)),
      ...(adapter
        ? [(x: MxArray) => adapter.forward(encoder.finish(x)), head]
        : [(x: MxArray) => head(encoder.finish(x))]),
    ];
  }
}

/** x [B, T, D] → its first frames */
export function firstFrames(x: MxArray, frames: number): MxArray {
  const [batch = 0, length = 0, dims = 0] = x.shape;
  return length === frames ? x : mx.slice(x, [0, 0, 0], [batch, frames, dims]);
}
