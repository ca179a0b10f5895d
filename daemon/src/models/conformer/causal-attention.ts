import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { byKey, RelativeAttention } from './relative-attention.js';

/** Of earlier frames: [1, H, C, D / H] each. */
export interface AttentionState {
  readonly keys: MxArray;
  readonly values: MxArray;
}

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
   * @param past of C frames
   * @param mask added to the scores, [T, C + T]
   * @returns [1, T, D], with the keys and values of all C + T frames
   */
  extend(x: MxArray, distances: MxArray, past?: AttentionState, mask?: MxArray): [MxArray, AttentionState] {
    const { heads } = this;
    const q = this.linear_q.forward(x);
    let keys = nn.splitHeads(this.linear_k.forward(x), heads);
    let values = nn.splitHeads(this.linear_v.forward(x), heads);
    if (past !== undefined) {
      keys = mx.concatenate([past.keys, keys], 2);
      values = mx.concatenate([past.values, values], 2);
    }
    const [toContent, toDistance] = this.queries(q);
    const scale = (keys.shape.at(-1) ?? 1) ** -0.5;
    const scores = mx.multiply(byKey(mx.matmul(toDistance, distances)), scale);
    const added = mask === undefined ? scores : mx.add(scores, mask);
    const attended = nn.attend(toContent, keys, values, { mask: added, scale });
    return [this.linear_out.forward(nn.mergeHeads(attended)), { keys, values }];
  }
}
