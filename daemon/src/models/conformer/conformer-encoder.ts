/**
 * The FastConformer encoder (Rekesh et al., arXiv 2305.05084): log-mel frames of 10 ms become features of 80 ms. Fields carry
 * the names of NeMo's checkpoints.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { ConformerBlock, type AnyConformerBlock } from './conformer-block.js';
import type { AttentionContext, ConformerConfig } from './conformer-config.js';
import { sinusoidsOf, type FramePlaces } from './relative-attention.js';
import { Subsampling, type AnySubsampling } from './subsampling.js';

/** Added to the scores of padding. Finite, since a frame of padding may see nothing else, and within float16. */
const PADDING_SCORE = -30_000;

export class ConformerEncoder extends nn.Module {
  pre_encode: AnySubsampling;
  layers: AnyConformerBlock[];

  constructor(readonly config: ConformerConfig) {
    super();
    this.pre_encode = new Subsampling(config);
    this.layers = Array.from({ length: config.layers }, () => new ConformerBlock(config));
  }

  /** Normalized log-mel [B, T, bands] of audio of one length → features [B, ⌈T / 8⌉, D] */
  forward(mel: MxArray): MxArray {
    let x = this.embed(mel);
    const places = this.places(x);
    for (const layer of this.layers) x = layer.forward(x, places);
    return x;
  }

  /** Input of the first block: mel [B, T, bands] → [B, ⌈T / 8⌉, D] */
  embed(mel: MxArray): MxArray {
    const x = this.pre_encode.forward(mel);
    return this.config.isInputScaled ? mx.multiply(x, Math.sqrt(this.config.dims)) : x;
  }

  /**
   * What all blocks know of the places of the frames in x [B, T, D].
   *
   * @param context of local attention; that of the config if omitted
   * @param lengths frames of each sequence, without padding
   */
  places(
    x: MxArray,
    context: AttentionContext | undefined = this.config.attentionContext,
    lengths?: readonly number[],
  ): FramePlaces {
    const farthest = (x.shape[1] ?? 0) - 1;
    const back = Math.min(farthest, context?.back ?? farthest);
    const ahead = Math.min(farthest, context?.ahead ?? farthest);
    const sinusoids = sinusoidsOf(back, -ahead, this.config.dims, x.dtype);
    if (lengths === undefined) return { sinusoids, back };
    const frames = isFrame(lengths, x);
    const scores = mx.multiply(mx.subtract(1, mx.reshape(frames, [lengths.length, 1, 1, -1])), PADDING_SCORE);
    return { sinusoids, back, padding: { frames, scores } };
  }
}

/** 1 for each of the first `lengths` frames, 0 behind them: [B, T, 1] for x [B, T, …] */
function isFrame(lengths: readonly number[], { shape, dtype }: MxArray): MxArray {
  const places = mx.reshape(mx.arange(0, shape[1] ?? 0, 1, 'int32'), [1, -1, 1]);
  const ends = mx.array(Int32Array.from(lengths), [lengths.length, 1, 1]);
  return mx.less(places, ends).astype(dtype);
}
