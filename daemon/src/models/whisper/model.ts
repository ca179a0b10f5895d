/**
 * The Whisper network (Radford et al., arXiv 2212.04356): an encoder over 30 s of log-mel frames (`audio-encoder/`) and a
 * decoder over tokens that attends to it. Fields carry the names of the checkpoint's tensors. `fused-model.ts` computes the same in fewer
 * ops.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { AttentionProjections, concatenated, SelfAttention } from '../audio-encoder/encoder-attention.js';
import { AudioEncoder } from '../audio-encoder/audio-encoder.js';
import { EncoderBlock } from '../audio-encoder/encoder-block.js';
import { alignmentHeads, type AlignmentHead } from './words/alignment-heads.js';
import type { WhisperConfig } from './whisper-config.js';

/** Cross-attention keys and values of one decoder block. */
export type KeysValues = nn.CrossAttentionCache;

export class CrossAttention extends AttentionProjections {
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

export class DecoderBlock extends EncoderBlock implements TextBlock {
  cross_attn: CrossAttention;
  cross_attn_ln: nn.LayerNorm;

  constructor(dims: number, heads: number) {
    super(dims, new SelfAttention(dims, heads));
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
    x = mx.add(x, this.attn.forward(this.attn_ln.forward(x), { cache }));
    const queries = this.cross_attn.query.forward(this.cross_attn_ln.forward(x));
    x = mx.add(x, this.cross_attn.forward(queries, audio));
    return [mx.add(x, this.mlp(this.mlp_ln.forward(x))), queries];
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

function rows(table: MxArray, start: number, end: number): MxArray {
  return mx.slice(table, [start, 0], [end, table.shape[1] ?? 0]);
}
