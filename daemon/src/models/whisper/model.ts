/**
 * The Whisper network (Radford et al., arXiv 2212.04356): an encoder over 30 s of log-mel frames and a decoder over
 * tokens that attends to it. Fields carry the names of the checkpoint's tensors. `fused-model.ts` computes the same in fewer
 * ops.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { alignmentHeads, type AlignmentHead } from './words/alignment-heads.js';
import type { WhisperConfig } from './whisper-config.js';

/** Cross-attention keys and values of one decoder block. */
export type KeysValues = nn.CrossAttentionCache;

/** The projections of both attentions. */
abstract class Attention extends nn.Module {
  query: nn.AnyLinear;
  key: nn.AnyLinear;
  value: nn.AnyLinear;
  out: nn.AnyLinear;

  constructor(
    dims: number,
    readonly heads: number,
  ) {
    super();
    this.query = new nn.Linear(dims, dims);
    this.key = new nn.Linear(dims, dims, { bias: false }); // a bias on keys would cancel in the softmax
    this.value = new nn.Linear(dims, dims);
    this.out = new nn.Linear(dims, dims);
  }
}

export class SelfAttention extends Attention {
  /** x [B, T, D] → [B, T, D]. Causal over the cache with one; over all of x without. */
  forward(x: MxArray, cache?: nn.SelfAttentionCache): MxArray {
    const qkv = concatenated(this.query.forward(x), this.key.forward(x), this.value.forward(x));
    return this.out.forward(cache ? cache.attend(qkv, this.heads) : nn.selfAttend(qkv, this.heads));
  }
}

export class CrossAttention extends Attention {
  /** Keys and values of audio features [B, T, D], laid out for the decoding steps. */
  keysValues(features: MxArray): KeysValues {
    return nn.crossAttentionCache(
      concatenated(this.key.forward(features), this.value.forward(features)),
      this.heads,
    );
  }

  /** Queries [B, T, D], heads concatenated → [B, T, D] */
  forward(queries: MxArray, audio: KeysValues): MxArray {
    return this.out.forward(nn.crossAttend(queries, audio));
  }
}

/** A block of the encoder. */
export interface AudioBlock extends nn.Module {
  /** [B, T, D] → [B, T, D] */
  forward(x: MxArray): MxArray;
}

/** A block of the decoder. */
export interface TextBlock extends nn.Module {
  /** Keys and values of audio features [B, T, D], laid out for the decoding steps. */
  crossKeysValues(features: MxArray): KeysValues;
  /** x [B, T, D]: the positions after those in `cache`, which grows by T. `audio` is read by the cross-attention. */
  step(x: MxArray, cache: nn.SelfAttentionCache, audio: KeysValues): MxArray;
  /** `step`, and the cross-attention queries [B, T, D]. */
  stepWithQueries(
    x: MxArray,
    cache: nn.SelfAttentionCache,
    audio: KeysValues,
  ): [x: MxArray, queries: MxArray];
}

export class EncoderBlock extends nn.Module implements AudioBlock {
  attn: SelfAttention;
  attn_ln: nn.LayerNorm;
  mlp1: nn.AnyLinear;
  mlp2: nn.AnyLinear;
  mlp_ln: nn.LayerNorm;

  constructor(dims: number, heads: number) {
    super();
    this.attn = new SelfAttention(dims, heads);
    this.attn_ln = new nn.LayerNorm(dims);
    this.mlp1 = new nn.Linear(dims, dims * 4);
    this.mlp2 = new nn.Linear(dims * 4, dims);
    this.mlp_ln = new nn.LayerNorm(dims);
  }

  forward(x: MxArray): MxArray {
    x = mx.add(x, this.attn.forward(this.attn_ln.forward(x)));
    return mx.add(x, this.mlp(this.mlp_ln.forward(x)));
  }

  protected mlp(x: MxArray): MxArray {
    return this.mlp2.forward(nn.gelu(this.mlp1.forward(x)));
  }
}

export class DecoderBlock extends EncoderBlock implements TextBlock {
  cross_attn: CrossAttention;
  cross_attn_ln: nn.LayerNorm;

  constructor(dims: number, heads: number) {
    super(dims, heads);
    this.cross_attn = new CrossAttention(dims, heads);
    this.cross_attn_ln = new nn.LayerNorm(dims);
  }

  crossKeysValues(features: MxArray): KeysValues {
    return this.cross_attn.keysValues(features);
  }

  step(x: MxArray, cache: nn.SelfAttentionCache, audio: KeysValues): MxArray {
    return this.stepWithQueries(x, cache, audio)[0];
  }

  stepWithQueries(
    x: MxArray,
    cache: nn.SelfAttentionCache,
    audio: KeysValues,
  ): [x: MxArray, queries: MxArray] {
    x = mx.add(x, this.attn.forward(this.attn_ln.forward(x), cache));
    const queries = this.cross_attn.query.forward(this.cross_attn_ln.forward(x));
    x = mx.add(x, this.cross_attn.forward(queries, audio));
    return [mx.add(x, this.mlp(this.mlp_ln.forward(x))), queries];
  }
}

export class AudioEncoder extends nn.Module {
  conv1: nn.AnyConv1d;
  conv2: nn.AnyConv1d;
  _positions: MxArray; // [nAudioCtx, D]: sinusoids, not learned
  blocks: AudioBlock[];
  ln_post: nn.LayerNorm;

  constructor({ nMels, nAudioCtx, nAudioState, nAudioHead, nAudioLayer }: WhisperConfig) {
    super();
    this.conv1 = new nn.Conv1d(nMels, nAudioState, 3, { padding: 1 });
    this.conv2 = new nn.Conv1d(nAudioState, nAudioState, 3, { padding: 1, stride: 2 }); // 10 ms → 20 ms
    this._positions = mx.keep(nn.sinusoids(nAudioCtx, nAudioState));
    this.blocks = Array.from({ length: nAudioLayer }, () => new EncoderBlock(nAudioState, nAudioHead));
    this.ln_post = new nn.LayerNorm(nAudioState);
  }

  /** Normalized log-mel [B, 2 T, nMels] → audio features [B, T, D], T ≤ nAudioCtx */
  forward(mel: MxArray): MxArray {
    let x = this.embed(mel);
    for (const block of this.blocks) x = block.forward(x);
    return this.ln_post.forward(x);
  }

  /** Input of the first block: [B, 2 T, nMels] → [B, T, D] */
  embed(mel: MxArray): MxArray {
    const x = nn.gelu(this.conv1.forward(mel));
    return mx.add(nn.gelu(this.conv2.forward(x)), this.positions(mel.shape[1] ?? 0));
  }

  /** @param frames of the mel */
  protected positions(frames: number): MxArray {
    return rows(this._positions, 0, Math.ceil(frames / 2));
  }

  override toDtype(dtype: Dtype): this {
    super.toDtype(dtype);
    this.castPositions(dtype);
    return this;
  }

  /** The positions are not in the checkpoint, so their dtype is set separately. */
  castPositions(dtype: Dtype): void {
    const old = this._positions;
    if (old.dtype === dtype) return;
    this._positions = mx.keep(old.astype(dtype));
    old.dispose();
  }
}

export class TextDecoder extends nn.Module {
  token_embedding: nn.AnyEmbedding;
  positional_embedding: MxArray; // [nTextCtx, D]
  blocks: TextBlock[];
  ln: nn.LayerNorm;

  constructor({ nVocab, nTextCtx, nTextState, nTextHead, nTextLayer }: WhisperConfig) {
    super();
    this.token_embedding = new nn.Embedding(nVocab, nTextState);
    this.positional_embedding = nn.parameter([nTextCtx, nTextState]);
    this.blocks = Array.from({ length: nTextLayer }, () => new DecoderBlock(nTextState, nTextHead));
    this.ln = new nn.LayerNorm(nTextState);
  }

  /** Tokens [B, T] after those in `caches` → hidden states [B, T, D]. The caches grow by T. */
  forward(tokens: MxArray, caches: readonly nn.SelfAttentionCache[], audio: readonly KeysValues[]): MxArray {
    let x = this.embed(tokens, caches[0]?.length ?? 0);
    for (const [i, block] of this.blocks.entries()) {
      const cache = caches[i];
      const keysValues = audio[i];
      if (cache === undefined || keysValues === undefined) throw new RangeError(`no cache for block ${i}`);
      x = block.step(x, cache, keysValues);
    }
    return this.ln.forward(x);
  }

  /** Input of the first block: tokens [B, T] at the positions from `start` on → [B, T, D] */
  embed(tokens: MxArray, start: number): MxArray {
    const positions = rows(this.positional_embedding, start, start + (tokens.shape[1] ?? 0));
    return mx.add(this.token_embedding.forward(tokens), positions);
  }

  /** Hidden states [..., D] → float32 logits [..., nVocab], with the embedding as the output layer. */
  logits(hidden: MxArray): MxArray {
    return mx.astype(this.token_embedding.asLinear(hidden), 'float32');
  }
}

export class Whisper extends nn.Module {
  encoder: AudioEncoder;
  decoder: TextDecoder;
  /** Decoder heads that follow the speech; a checkpoint may have its own. */
  alignmentHeads: readonly AlignmentHead[];

  constructor(readonly config: WhisperConfig) {
    super();
    this.encoder = new AudioEncoder(config);
    this.decoder = new TextDecoder(config);
    this.alignmentHeads = alignmentHeads(config, config.alignmentHeads);
  }

  /** Dtype of the activations: that of the weights that are never quantized. */
  get dtype(): Dtype {
    return this.decoder.positional_embedding.dtype;
  }

  /** Bytes of all its arrays. */
  get nbytes(): number {
    const held = [...this.parameters(), this.encoder._positions];
    return held.reduce((sum, { nbytes }) => sum + nbytes, 0);
  }
}

function concatenated(...projections: MxArray[]): MxArray {
  return mx.concatenate(projections, 2);
}

function rows(table: MxArray, start: number, end: number): MxArray {
  return mx.slice(table, [start, 0], [end, table.shape[1] ?? 0]);
}
