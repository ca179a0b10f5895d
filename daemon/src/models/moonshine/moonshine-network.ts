/**
 * The Moonshine network (Jeffries et al., arXiv 2410.15608): convolutions over raw samples, an encoder and a decoder with
 * rotary positions. It computes only as many frames as the audio has. Fields carry the names of transformers' tensors.
 * `fused-moonshine.ts` computes the same in fewer ops.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { MoonshineConfig } from './moonshine-config.js';

/** Kernels and strides of the three convolutions; a frame of the encoder is 384 samples, 24 ms. */
export const CONVOLUTIONS = [
  { kernel: 127, stride: 64 },
  { kernel: 7, stride: 3 },
  { kernel: 3, stride: 2 },
] as const;

/** The fewest samples that give a frame. */
export const MIN_SAMPLES = CONVOLUTIONS.reduceRight(
  (count, { kernel, stride }) => (count - 1) * stride + kernel,
  1,
);

/** Frames of so many samples. */
export function framesOf(samples: number): number {
  return CONVOLUTIONS.reduce(
    (count, { kernel, stride }) => Math.floor((count - kernel) / stride) + 1,
    samples,
  );
}

/** The projections of both attentions. */
export class Attention extends nn.Module {
  q_proj: nn.AnyLinear;
  k_proj: nn.AnyLinear;
  v_proj: nn.AnyLinear;
  o_proj: nn.AnyLinear;
  readonly heads: number;

  constructor({ width, heads, attentionBias: bias }: MoonshineConfig) {
    super();
    this.q_proj = new nn.Linear(width, width, { bias });
    this.k_proj = new nn.Linear(width, width, { bias });
    this.v_proj = new nn.Linear(width, width, { bias });
    this.o_proj = new nn.Linear(width, width, { bias: false });
    this.heads = heads;
  }
}

export class RotarySelfAttention extends Attention {
  readonly rotary: nn.RotaryPositions;

  constructor(config: MoonshineConfig) {
    super(config);
    this.rotary = config.rotary;
  }

  /** x [B, T, D] → [B, T, D]. Causal over the cache with one; over all of x without. */
  forward(x: MxArray, cache?: nn.SelfAttentionCache): MxArray {
    const qkv = mx.concatenate([this.q_proj.forward(x), this.k_proj.forward(x), this.v_proj.forward(x)], 2);
    return this.o_proj.forward(rotaryAttend(qkv, this, cache));
  }
}

/** Queries, keys and values [B, T, 3 D] of an attention → [B, T, D], with rotated queries and keys. */
export function rotaryAttend(
  qkv: MxArray,
  { heads, rotary }: Pick<RotarySelfAttention, 'heads' | 'rotary'>,
  cache?: nn.SelfAttentionCache,
): MxArray {
  if (cache) return cache.attend(qkv, heads, rotary);
  return nn.selfAttend(nn.rotateQkv(qkv, heads, rotary, 0), heads);
}

export class AudioAttention extends Attention {
  /** Keys and values of audio features [B, T, D], laid out for the decoding steps. */
  keysValues(features: MxArray): nn.CrossAttentionCache {
    const keysValues = mx.concatenate([this.k_proj.forward(features), this.v_proj.forward(features)], 2);
    return nn.crossAttentionCache(keysValues, this.heads);
  }

  /** x [B, T, D] → [B, T, D] */
  forward(x: MxArray, audio: nn.CrossAttentionCache): MxArray {
    return this.o_proj.forward(nn.crossAttend(this.q_proj.forward(x), audio));
  }
}

export class EncoderMlp extends nn.Module {
  fc1: nn.AnyLinear;
  fc2: nn.AnyLinear;

  constructor({ width, hiddenWidth }: MoonshineConfig) {
    super();
    this.fc1 = new nn.Linear(width, hiddenWidth);
    this.fc2 = new nn.Linear(hiddenWidth, width);
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: MxArray): MxArray {
    return this.fc2.forward(nn.gelu(this.fc1.forward(x)));
  }
}

/** SwiGLU (arXiv 2002.05202): the second half of the wide layer gates the first. */
export class DecoderMlp extends nn.Module {
  fc1: nn.AnyLinear;
  fc2: nn.AnyLinear;

  constructor({ width, hiddenWidth }: MoonshineConfig) {
    super();
    this.fc1 = new nn.Linear(width, 2 * hiddenWidth);
    this.fc2 = new nn.Linear(hiddenWidth, width);
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: MxArray): MxArray {
    return this.fc2.forward(gated(this.fc1.forward(x)));
  }
}

/** [B, T, 2 H] → [B, T, H]: the first half times SiLU of the second. */
export function gated(x: MxArray): MxArray {
  const [values, gate] = mx.split(x, 2, -1) as [MxArray, MxArray];
  return mx.multiply(nn.silu(gate), values);
}

/** A block of the encoder. */
export interface AudioLayer extends nn.Module {
  /** [B, T, D] → [B, T, D] */
  forward(x: MxArray): MxArray;
}

/** A block of the decoder. */
export interface TextLayer extends nn.Module {
  /** Keys and values of audio features [B, T, D], laid out for the decoding steps. */
  crossKeysValues(features: MxArray): nn.CrossAttentionCache;
  /** x [B, T, D]: the positions after those in `cache`, which grows by T. */
  step(x: MxArray, cache: nn.SelfAttentionCache, audio: nn.CrossAttentionCache): MxArray;
}

export class EncoderLayer extends nn.Module implements AudioLayer {
  self_attn: RotarySelfAttention;
  mlp: EncoderMlp;
  input_layernorm: nn.LayerNorm;
  post_attention_layernorm: nn.LayerNorm;

  constructor(config: MoonshineConfig) {
    super();
    this.self_attn = new RotarySelfAttention(config);
    this.mlp = new EncoderMlp(config);
    this.input_layernorm = norm(config);
    this.post_attention_layernorm = norm(config);
  }

  forward(x: MxArray): MxArray {
    x = mx.add(x, this.self_attn.forward(this.input_layernorm.forward(x)));
    return mx.add(x, this.mlp.forward(this.post_attention_layernorm.forward(x)));
  }
}

export class DecoderLayer extends nn.Module implements TextLayer {
  self_attn: RotarySelfAttention;
  encoder_attn: AudioAttention;
  mlp: DecoderMlp;
  input_layernorm: nn.LayerNorm;
  post_attention_layernorm: nn.LayerNorm;
  final_layernorm: nn.LayerNorm;

  constructor(config: MoonshineConfig) {
    super();
    this.self_attn = new RotarySelfAttention(config);
    this.encoder_attn = new AudioAttention(config);
    this.mlp = new DecoderMlp(config);
    this.input_layernorm = norm(config);
    this.post_attention_layernorm = norm(config);
    this.final_layernorm = norm(config);
  }

  crossKeysValues(features: MxArray): nn.CrossAttentionCache {
    return this.encoder_attn.keysValues(features);
  }

  step(x: MxArray, cache: nn.SelfAttentionCache, audio: nn.CrossAttentionCache): MxArray {
    x = mx.add(x, this.self_attn.forward(this.input_layernorm.forward(x), cache));
    x = mx.add(x, this.encoder_attn.forward(this.post_attention_layernorm.forward(x), audio));
    return mx.add(x, this.mlp.forward(this.final_layernorm.forward(x)));
  }
}

export class WaveformEncoder extends nn.Module {
  conv1: nn.AnyConv1d;
  conv2: nn.AnyConv1d;
  conv3: nn.AnyConv1d;
  groupnorm: nn.GroupNorm;
  layers: AudioLayer[];
  layer_norm: nn.LayerNorm;

  constructor(config: MoonshineConfig) {
    super();
    const { width } = config;
    const [first, second, third] = CONVOLUTIONS;
    this.conv1 = new nn.Conv1d(1, width, first.kernel, { stride: first.stride, bias: false });
    this.conv2 = new nn.Conv1d(width, 2 * width, second.kernel, { stride: second.stride });
    this.conv3 = new nn.Conv1d(2 * width, width, third.kernel, { stride: third.stride });
    this.groupnorm = new nn.GroupNorm(1, width);
    this.layers = Array.from({ length: config.encoderLayers }, () => new EncoderLayer(config));
    this.layer_norm = norm(config);
  }

  /** Samples [B, N], 16 kHz, ±1 → audio features [B, framesOf(N), D] */
  forward(samples: MxArray): MxArray {
    let x = this.embed(samples);
    for (const layer of this.layers) x = layer.forward(x);
    return this.layer_norm.forward(x);
  }

  /** Input of the first layer: samples [B, N] → [B, T, D] */
  embed(samples: MxArray): MxArray {
    let x = nn.tanh(this.conv1.forward(mx.expandDims(samples, 2)));
    x = this.groupnorm.forward(x);
    x = nn.gelu(this.conv2.forward(x));
    return nn.gelu(this.conv3.forward(x));
  }
}

export class Decoder extends nn.Module {
  embed_tokens: nn.AnyEmbedding;
  layers: TextLayer[];
  norm: nn.LayerNorm;

  constructor(config: MoonshineConfig) {
    super();
    this.embed_tokens = new nn.Embedding(config.vocabulary, config.width);
    this.layers = Array.from({ length: config.decoderLayers }, () => new DecoderLayer(config));
    this.norm = norm(config);
  }

  /** Tokens [B, T] after those in `caches` → hidden states [B, T, D]. The caches grow by T. */
  forward(
    tokens: MxArray,
    caches: readonly nn.SelfAttentionCache[],
    audio: readonly nn.CrossAttentionCache[],
  ): MxArray {
    let x = this.embed_tokens.forward(tokens);
    for (const [i, layer] of this.layers.entries()) {
      const [cache, keysValues] = [caches[i], audio[i]];
      if (cache === undefined || keysValues === undefined) throw new RangeError(`no cache for layer ${i}`);
      x = layer.step(x, cache, keysValues);
    }
    return this.norm.forward(x);
  }

  /** Hidden states [..., D] → float32 logits [..., vocabulary], with the embedding as the output layer. */
  logits(hidden: MxArray): MxArray {
    return mx.astype(this.embed_tokens.asLinear(hidden), 'float32');
  }
}

export class Moonshine extends nn.Module {
  encoder: WaveformEncoder;
  decoder: Decoder;

  constructor(readonly config: MoonshineConfig) {
    super();
    this.encoder = new WaveformEncoder(config);
    this.decoder = new Decoder(config);
  }

  /** Dtype of the activations: that of the weights that are never quantized. */
  get dtype(): Dtype {
    return this.decoder.norm.weight?.dtype ?? 'float32';
  }

  /** Bytes of all its arrays. */
  get nbytes(): number {
    return this.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
  }
}

function norm({ width }: MoonshineConfig): nn.LayerNorm {
  return new nn.LayerNorm(width, { bias: false });
}
