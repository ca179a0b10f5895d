/**
 * The Whisper network (Radford et al., arXiv 2212.04356): an encoder over 30 s of log-mel frames and a decoder over
 * tokens that attends to it. Fields carry the names of the checkpoint's tensors.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { alignmentHeads, type AlignmentHead } from './words/alignment-heads.js';
import type { WhisperConfig } from './config.js';

/** Keys and values of the audio, for one decoder block. */
export type KeysValues = nn.CrossAttentionCache;

/** What both attentions have: projections named as in the checkpoint, of which `join` makes fewer and larger ones. */
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

  /** To be called once the weights are loaded, before the first forward. */
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

  /** x + attention(norm(x)): x [B, T, D]. With a cache it is causal and sees what came before; without, all of x. */
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

  /** What positions x [B, T, D] ask of the audio: [B, T, D], the heads side by side */
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
  /** All of a step in one op, where the device has it. */
  _fused: nn.FusedDecoderBlock | undefined;

  constructor(dims: number, heads: number) {
    super(dims, heads);
    this.cross_attn = new CrossAttention(dims, heads);
    this.cross_attn_ln = new nn.LayerNorm(dims);
  }

  /** Keys and values of audio features [B, T, D], laid out for the decoding steps, which all read them all. */
  crossKeysValues(features: MxArray): KeysValues {
    return this.cross_attn.keysValues(features);
  }

  /** x [B, T, D]: the positions after those in `cache`, which grows by them. `audio` is what `cross_attn` sees. */
  step(x: MxArray, cache: nn.SelfAttentionCache, audio: KeysValues): MxArray {
    return this._fused ? this._fused.forward(x, cache, audio) : this.stepWithQueries(x, cache, audio)[0];
  }

  /** As `step`, op by op. Beside what it gives: what the positions asked of the audio, [B, T, D]. */
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

  /** What the first block takes: [B, 2 T, nMels] → [B, T, D] */
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

  /** The positions are not in the checkpoint, so they are told which dtype it has. */
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

  /** Tokens [B, T], which follow those in `caches` → hidden states [B, T, D]. The caches grow by T. */
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

  /** What the first block takes: tokens [B, T] at the positions from `start` on → [B, T, D] */
  embed(tokens: MxArray, start: number): MxArray {
    const positions = rows(this.positional_embedding, start, start + (tokens.shape[1] ?? 0));
    return mx.add(this.token_embedding.forward(tokens), positions);
  }

  /** Hidden states [..., D] → float32 logits [..., nVocab]: the embedding is the output layer too. */
  logits(hidden: MxArray): MxArray {
    return mx.astype(this.token_embedding.asLinear(hidden), 'float32');
  }
}

export class Whisper extends nn.Module {
  encoder: AudioEncoder;
  decoder: TextDecoder;
  /** The heads of the decoder that follow the speech; a checkpoint may name its own. */
  alignmentHeads: readonly AlignmentHead[];

  constructor(readonly config: WhisperConfig) {
    super();
    this.encoder = new AudioEncoder(config);
    this.decoder = new TextDecoder(config);
    this.alignmentHeads = alignmentHeads(config, config.alignmentHeads);
  }

  /** What activations are computed in: the dtype of the weights that are never quantized. */
  get dtype(): Dtype {
    return this.decoder.positional_embedding.dtype;
  }

  /** What all that it holds takes on the device. */
  get nbytes(): number {
    const held = [...this.parameters(), this.encoder._positions];
    return held.reduce((sum, { nbytes }) => sum + nbytes, 0);
  }

  /** Makes the loaded weights fit for use: the projections of each attention become one product where they can. */
  join(): void {
    for (const module of this.namedModules().values()) if (module instanceof Attention) module.join();
  }

  /** Makes a decoding step of the evaluated weights one op a block, where the device has it. */
  fuse(): void {
    for (const block of this.decoder.blocks) block.fuse();
  }
}

function loaded<T>(layer: T | undefined): T {
  if (layer === undefined) throw new RangeError('the weights are joined once after loading: model.join()');
  return layer;
}

function rows(table: MxArray, start: number, end: number): MxArray {
  return mx.slice(table, [start, 0], [end, table.shape[1] ?? 0]);
}
