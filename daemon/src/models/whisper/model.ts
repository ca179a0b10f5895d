/**
 * The Whisper network (Radford et al., arXiv 2212.04356): an encoder over 30 s of log-mel frames and a decoder over
 * tokens that attends to it. Fields carry the names of the checkpoint's tensors.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { WhisperConfig } from './config.js';

/** Keys and values by head, each [B, H, T, D / H]. */
export type KeysValues = readonly [keys: MxArray, values: MxArray];

class Attention extends nn.Module {
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

  keysValues(x: MxArray): KeysValues {
    return [nn.splitHeads(this.key.forward(x), this.heads), nn.splitHeads(this.value.forward(x), this.heads)];
  }

  /** x [B, T, D] attends to keys and values of any length → [B, T, D] */
  forward(x: MxArray, [keys, values]: KeysValues, mask?: nn.AttentionMask): MxArray {
    const queries = nn.splitHeads(this.query.forward(x), this.heads);
    return this.out.forward(nn.mergeHeads(nn.attend(queries, keys, values, { mask })));
  }
}

class EncoderBlock extends nn.Module {
  attn: Attention;
  attn_ln: nn.LayerNorm;
  mlp1: nn.AnyLinear;
  mlp2: nn.AnyLinear;
  mlp_ln: nn.LayerNorm;

  constructor(dims: number, heads: number) {
    super();
    this.attn = new Attention(dims, heads);
    this.attn_ln = new nn.LayerNorm(dims);
    this.mlp1 = new nn.Linear(dims, dims * 4);
    this.mlp2 = new nn.Linear(dims * 4, dims);
    this.mlp_ln = new nn.LayerNorm(dims);
  }

  forward(x: MxArray): MxArray {
    const normed = this.attn_ln.forward(x);
    return this.mlp(mx.add(x, this.attn.forward(normed, this.attn.keysValues(normed))));
  }

  protected mlp(x: MxArray): MxArray {
    return mx.add(x, this.mlp2.forward(nn.gelu(this.mlp1.forward(this.mlp_ln.forward(x)))));
  }
}

class DecoderBlock extends EncoderBlock {
  cross_attn: Attention;
  cross_attn_ln: nn.LayerNorm;

  constructor(dims: number, heads: number) {
    super(dims, heads);
    this.cross_attn = new Attention(dims, heads);
    this.cross_attn_ln = new nn.LayerNorm(dims);
  }

  /** Keys and values of audio features [B, T, D], laid out by head: every decoding step reads them all. */
  crossKeysValues(features: MxArray): KeysValues {
    const [keys, values] = this.cross_attn.keysValues(features);
    return [mx.contiguous(keys), mx.contiguous(values)];
  }

  /** x [B, T, D]: the positions after those in `cache`, which grows by them. `audio` is what `cross_attn` sees. */
  step(x: MxArray, cache: nn.KVCache, audio: KeysValues): MxArray {
    const normed = this.attn_ln.forward(x);
    const seen = cache.update(...this.attn.keysValues(normed));
    const mask = (x.shape[1] ?? 1) > 1 ? 'causal' : undefined;
    x = mx.add(x, this.attn.forward(normed, seen, mask));
    x = mx.add(x, this.cross_attn.forward(this.cross_attn_ln.forward(x), audio));
    return this.mlp(x);
  }
}

export class AudioEncoder extends nn.Module {
  conv1: nn.Conv1d;
  conv2: nn.Conv1d;
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
    let x = nn.gelu(this.conv1.forward(mel));
    x = nn.gelu(this.conv2.forward(x));
    return mx.add(x, rows(this._positions, 0, x.shape[1] ?? 0));
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
  forward(tokens: MxArray, caches: readonly nn.KVCache[], audio: readonly KeysValues[]): MxArray {
    const start = caches[0]?.length ?? 0;
    const positions = rows(this.positional_embedding, start, start + (tokens.shape[1] ?? 0));
    let x = mx.add(this.token_embedding.forward(tokens), positions);
    for (const [i, block] of this.blocks.entries()) {
      const cache = caches[i];
      const keysValues = audio[i];
      if (cache === undefined || keysValues === undefined) throw new RangeError(`no cache for block ${i}`);
      x = block.step(x, cache, keysValues);
    }
    return this.ln.forward(x);
  }

  /** Hidden states [..., D] → float32 logits [..., nVocab]: the embedding is the output layer too. */
  logits(hidden: MxArray): MxArray {
    return mx.astype(this.token_embedding.asLinear(hidden), 'float32');
  }
}

export class Whisper extends nn.Module {
  encoder: AudioEncoder;
  decoder: TextDecoder;

  constructor(readonly config: WhisperConfig) {
    super();
    this.encoder = new AudioEncoder(config);
    this.decoder = new TextDecoder(config);
  }

  /** What activations are computed in: the dtype of the weights that are never quantized. */
  get dtype(): Dtype {
    return this.encoder.conv1.weight.dtype;
  }
}

function rows(table: MxArray, start: number, end: number): MxArray {
  return mx.slice(table, [start, 0], [end, table.shape[1] ?? 0]);
}
