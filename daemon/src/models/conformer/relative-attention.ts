import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

const MAX_TIMESCALE = 10_000;

/**
 * Sinusoids of the distances C + T - 1 … -(T - 1) between one of T queries and a key, which may be one of C earlier frames. Sine
 * and cosine of a frequency stand side by side: [C + 2 T - 1, dims]. Computed in float32.
 */
export function relativePositions(frames: number, dims: number, dtype: Dtype, earlierFrames = 0): MxArray {
  return mx.tidy(() => {
    const farthest = earlierFrames + frames - 1;
    const distances = mx.reshape(mx.arange(farthest, -frames, -1, 'float32'), [-1, 1]);
    const frequencies = mx.exp(mx.multiply(mx.arange(dims / 2), (-2 * Math.log(MAX_TIMESCALE)) / dims));
    const angles = mx.multiply(distances, frequencies); // [2 T - 1, dims / 2]
    const pairs = mx.stack([mx.sin(angles), mx.cos(angles)], -1);
    return mx.reshape(pairs, [farthest + frames, dims]).astype(dtype);
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

  /** x [B, T, D], positions [2 T - 1, D] → [B, T, D] */
  forward(x: MxArray, positions: MxArray): MxArray {
    const { heads } = this;
    const q = this.linear_q.forward(x);
    const k = nn.splitHeads(this.linear_k.forward(x), heads);
    const v = nn.splitHeads(this.linear_v.forward(x), heads);
    const p = nn.splitHeads(this.linear_pos.forward(mx.expandDims(positions, 0)), heads); // [1, H, 2 T - 1, D / H]
    const [toContent, toDistance] = this.queries(q);
    const scale = (k.shape.at(-1) ?? 1) ** -0.5;
    const distances = byKey(mx.matmul(toDistance, mx.swapaxes(p, 2, 3)));
    const attended = nn.attend(toContent, k, v, { mask: mx.multiply(distances, scale), scale });
    return this.linear_out.forward(nn.mergeHeads(attended));
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

/**
 * Scores of distances [B, H, T, C + 2 T - 1] → scores of keys [B, H, T, C + T]: row i is read from distance i on. A view. C is
 * the number of keys before the queries' frames.
 */
export function byKey(scores: MxArray): MxArray {
  const [batch = 0, heads = 0, frames = 0, distances = 0] = scores.shape;
  const perHead = frames * distances;
  return mx.asStrided(
    mx.contiguous(scores),
    [batch, heads, frames, distances - frames + 1],
    [heads * perHead, perHead, distances - 1, 1],
    frames - 1,
  );
}
