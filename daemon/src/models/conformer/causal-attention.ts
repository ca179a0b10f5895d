import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { byKey } from './band-attention.js';
import { RelativeAttention } from './relative-attention.js';

/** Relative attention of new frames to earlier ones and themselves. */
export class CausalAttention extends RelativeAttention {
  /** Keys of distances: their sinusoids [P, D] → [1, H, D / H, P]. They don't depend on the audio. */
  distanceKeys(positions: MxArray): MxArray {
    const keys = nn.splitHeads(this.linear_pos.forward(mx.expandDims(positions, 0)), this.heads);
    return mx.contiguous(mx.swapaxes(keys, 2, 3));
  }

  /**
   * @param x [1, T, D]
   * @param distances `distanceKeys` of C + T - 1 … -(T - 1)
   * @param past keys beside values of the C frames before, [1, C, 2 D]
   * @param mask added to the scores, [T, C + T]
   * @returns [1, T, D], and the keys and values of all C + T frames
   */
  extend(x: MxArray, distances: MxArray, past?: MxArray, mask?: MxArray): [MxArray, MxArray] {
    const { heads } = this;
    const own = mx.concatenate([this.linear_k.forward(x), this.linear_v.forward(x)], 2);
    const all = past === undefined ? own : mx.concatenate([past, own], 1);
    const [keys, values] = mx.split(all, 2, 2).map((part) => nn.splitHeads(part, heads)) as [
      MxArray,
      MxArray,
    ];
    const [toContent, toDistance] = this.queries(this.linear_q.forward(x));
    const scale = (keys.shape.at(-1) ?? 1) ** -0.5;
    const scores = mx.multiply(byKey(mx.matmul(toDistance, distances)), scale);
    const added = mask === undefined ? scores : mx.add(scores, mask);
    const attended = nn.attend(toContent, keys, values, { mask: added, scale });
    return [this.linear_out.forward(nn.mergeHeads(attended)), all];
  }
}
