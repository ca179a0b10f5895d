import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { attendInBand } from './band-attention.js';

const MAX_TIMESCALE = 10_000;

/** What the blocks know of the places of T frames. */
export interface FramePlaces {
  /** Sinusoids of the distances between a query and a key: `back` … -ahead, [back + ahead + 1, D]. Other keys are not seen. */
  readonly sinusoids: MxArray;
  readonly back: number;
  /** For sequences that are padded to T frames. */
  readonly padding?: SequencePadding;
}

/** Of B sequences. */
export interface SequencePadding {
  /** Added to the scores of keys, [B, 1, 1, T]. */
  readonly scores: MxArray;
  /** 1 for a frame of the sequence, 0 for padding: [B, T, 1]. */
  readonly frames: MxArray;
}

/**
 * Sinusoids of the distances C + T - 1 … -(T - 1) between one of T queries and a key, which may be one of C earlier frames:
 * [C + 2 T - 1, dims].
 */
export function relativePositions(frames: number, dims: number, dtype: Dtype, earlierFrames = 0): MxArray {
  return sinusoidsOf(earlierFrames + frames - 1, 1 - frames, dims, dtype);
}

/**
 * Sinusoids of the distances `first` … `last`, falling. Sine and cosine of a frequency stand side by side: [first - last + 1,
 * dims]. Computed in float32.
 */
export function sinusoidsOf(first: number, last: number, dims: number, dtype: Dtype): MxArray {
  return mx.tidy(() => {
    const distances = mx.reshape(mx.arange(first, last - 1, -1, 'float32'), [-1, 1]);
    const frequencies = mx.exp(mx.multiply(mx.arange(dims / 2), (-2 * Math.log(MAX_TIMESCALE)) / dims));
    const angles = mx.multiply(distances, frequencies);
    const pairs = mx.stack([mx.sin(angles), mx.cos(angles)], -1);
    return mx.reshape(pairs, [first - last + 1, dims]).astype(dtype);
  });
}

/**
 * Self-attention that also scores the distance of a key, with a bias for content (u) and one for distance (v): Transformer-XL
 * (arXiv 1901.02860, appendix B).
 */
export class RelativeAttention extends nn.Module {
  linear_q: nn.AnyLinear;
  linear_k: nn.AnyLinear;
  linear_v: nn.AnyLinear;
  linear_out: nn.AnyLinear;
  linear_pos: nn.AnyLinear;
  pos_bias_u: MxArray; // [H, D / H]
  pos_bias_v: MxArray; // [H, D / H]

  constructor(
    dims: number,
    readonly heads: number,
    bias: boolean,
  ) {
    super();
    this.linear_q = new nn.Linear(dims, dims, { bias });
    this.linear_k = new nn.Linear(dims, dims, { bias });
    this.linear_v = new nn.Linear(dims, dims, { bias });
    this.linear_out = new nn.Linear(dims, dims, { bias });
    this.linear_pos = new nn.Linear(dims, dims, { bias: false });
    this.pos_bias_u = nn.parameter([heads, dims / heads]);
    this.pos_bias_v = nn.parameter([heads, dims / heads]);
  }

  /** x [B, T, D] → [B, T, D] */
  forward(x: MxArray, { sinusoids, back, padding }: FramePlaces): MxArray {
    const { heads } = this;
    const q = this.linear_q.forward(x);
    const keys = nn.splitHeads(this.linear_k.forward(x), heads);
    const values = nn.splitHeads(this.linear_v.forward(x), heads);
    const p = nn.splitHeads(this.linear_pos.forward(mx.expandDims(sinusoids, 0)), heads); // [1, H, P, D / H]
    const [toContent, toDistance] = this.queries(q);
    const distances = mx.swapaxes(p, 2, 3);
    const band = { toContent, toDistance, keys, values, distances, back, padding: padding?.scores };
    return this.linear_out.forward(nn.mergeHeads(attendInBand(band)));
  }

  /** Projected frames [B, T, D] → what scores contents and distances, [B, H, T, D / H] each */
  protected queries(q: MxArray): [toContent: MxArray, toDistance: MxArray] {
    return [
      nn.splitHeads(mx.add(q, flat(this.pos_bias_u)), this.heads),
      nn.splitHeads(mx.add(q, flat(this.pos_bias_v)), this.heads),
    ];
  }
}

const flat = (bias: MxArray): MxArray => mx.reshape(bias, [-1]);
