/**
 * The Whisper network (Radford et al., arXiv 2212.04356): an encoder over 30 s of log-mel frames and a decoder over
 * tokens that attends to it. Fields carry the names of the checkpoint's tensors.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { alignmentHeads, type AlignmentHead } from './words/alignment-heads.js';
import type { WhisperConfig } from './whisper-config.js';

/** Cross-attention keys and values of one decoder block. */
export type KeysValues = nn.CrossAttentionCache;

/** Base of both attentions: projections named as in the checkpoint, which `join` merges. */
abstract class Attention extends nn.Module {
  query?: nn.AnyLinear;
  key?: nn.AnyLinear;
  value?: nn.AnyLinear;
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

  /** Call once after the weights are loaded. */
  abstract join(): void;
}

class SelfAttention extends Attention {
  qkv?: nn.AnyLinear;

  join(): void {
    this.qkv = nn.join([loaded(this.query), loaded(this.key), loaded(this.value)]);
    delete this.query;
    delete this.key;
    delete this.value;
  }

  /** x + attention(norm(x)): x [B, T, D]. Causal over the cache with one; over all of x without. */
  forward(x: MxArray, norm: nn.LayerNorm, cache?: nn.SelfAttentionCache): MxArray {
    const qkv = loaded(this.qkv).forward(x, { norm });
    const attended = cache ? cache.attend(qkv, this.heads) : nn.selfAttend(qkv, this.heads);
    return this.out.forward(attended, { residual: x });
  }
}

class CrossAttention extends Attention {
  keyValue?: nn.AnyLinear;

  join(): void {
    this.keyValue = nn.join([loaded(this.key), loaded(this.value)]);
    delete this.key;
    delete this.value;
  }

  /** Keys and values of audio features [B, T, D]. */
  keysValues(features: MxArray): KeysValues {
    return nn.crossAttentionCache(loaded(this.keyValue).forward(features), this.heads);
  }

  /** Queries of positions x [B, T, D]: [B, T, D], heads concatenated */
  queries(x: MxArray, norm: nn.LayerNorm): MxArray {
    return loaded(this.query).forward(x, { norm });
  }

  /** x + attention(queries, audio): x [B, T, D] */
  forward(x: MxArray, queries: MxArray, audio: KeysValues): MxArray {
    return this.out.forward(nn.crossAttend(queries, audio), { residual: x });
  }
}

class EncoderBlock extends nn.Module {
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
    return this.mlp(this.attn.forward(x, this.attn_ln));
  }

  protected mlp(x: MxArray): MxArray {
    return this.mlp2.forward(this.mlp1.forward(x, { norm: this.mlp_ln, gelu: true }), { residual: x });
  }
}

class DecoderBlock extends EncoderBlock {
  cross_attn: CrossAttention;
  cross_attn_ln: nn.LayerNorm;
  /** A whole step in one op, if the device supports it. */
  _fused: nn.FusedDecoderBlock | undefined;

  constructor(dims: number, heads: number) {
    super(dims, heads);
    this.cross_attn = new CrossAttention(dims, heads);
    this.cross_attn_ln = new nn.LayerNorm(dims);
  }

  /** Keys and values of audio features [B, T, D], laid out for the decoding steps. */
  crossKeysValues(features: MxArray): KeysValues {
    return this.cross_attn.keysValues(features);
  }

  /** x [B, T, D]: the positions after those in `cache`, which grows by T. `audio` is read by `cross_attn`. */
  step(x: MxArray, cache: nn.SelfAttentionCache, audio: KeysValues): MxArray {
    return this._fused ? this._fused.forward(x, cache, audio) : this.stepWithQueries(x, cache, audio)[0];
  }

  /** `step` without the fused op; also returns the cross-attention queries [B, T, D]. */
  stepWithQueries(
    x: MxArray,
    cache: nn.SelfAttentionCache,
    audio: KeysValues,
  ): [x: MxArray, queries: MxArray] {
    x = this.attn.forward(x, this.attn_ln, cache);
    const queries = this.cross_attn.queries(x, this.cross_attn_ln);
    return [this.mlp(this.cross_attn.forward(x, queries, audio)), queries];
  }

  fuse(): void {
    const { attn, cross_attn: cross, mlp1, mlp2 } = this;
    this._fused = nn.FusedDecoderBlock.of({
      products: [loaded(attn.qkv), attn.out, loaded(cross.query), cross.out, mlp1, mlp2],
      norms: [this.attn_ln, this.cross_attn_ln, this.mlp_ln],
      heads: attn.heads,
    });
  }
}

class AudioEncoder extends nn.Module {
  conv1: nn.Conv1d | nn.PackedConv1d;
  conv2: nn.Conv1d | nn.PackedConv1d;
  _positions: MxArray; // [nAudioCtx, D]: sinusoids, not learned
  blocks: EncoderBlock[];
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
    const x = this.conv1.forward(mel, { gelu: true });
    const residual = rows(this._positions, 0, Math.ceil((x.shape[1] ?? 0) / 2));
    return this.conv2.forward(x, { gelu: true, residual });
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
  blocks: DecoderBlock[];
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

  /** Merges the projections of each attention where possible. Required after loading. */
  join(): void {
    for (const module of this.namedModules().values()) if (module instanceof Attention) module.join();
  }

  /** Fuses each block of a decoding step into one op, if the device supports it. Needs evaluated weights. */
  fuse(): void {
    for (const block of this.decoder.blocks) block.fuse();
  }
}

function loaded<T>(layer: T | undefined): T {
  if (layer === undefined) throw new RangeError('model.join() was not called after loading');
  return layer;
}

function rows(table: MxArray, start: number, end: number): MxArray {
  return mx.slice(table, [start, 0], [end, table.shape[1] ?? 0]);
}
