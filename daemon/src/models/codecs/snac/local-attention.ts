/** Self-attention in windows that do not overlap, with rotary positions that start at 0 in each. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

const HEAD_DIMS = 64;
const ROTARY_BASE = 10_000;

export class LocalAttention extends nn.Module {
  norm: nn.LayerNorm;
  to_qkv: nn.AnyLinear;
  to_out: nn.AnyLinear;
  readonly window: number;

  constructor(dims: number, window: number) {
    super();
    this.norm = new nn.LayerNorm(dims);
    this.to_qkv = new nn.Linear(dims, 3 * dims, { bias: false });
    this.to_out = new nn.Linear(dims, dims, { bias: false });
    this.window = window;
  }

  /** [B, T, dims] → [B, T, dims]; T is a multiple of the window */
  forward(x: MxArray): MxArray {
    const [batch = 0, frames = 0, dims = 0] = x.shape;
    const windows = (batch * frames) / this.window;
    const heads = dims / HEAD_DIMS;
    const qkv = mx.reshape(this.to_qkv.fused(x, { norm: this.norm }), [
      windows,
      this.window,
      3,
      heads,
      HEAD_DIMS,
    ]);
    const [query, key, value] = mx.unstack(mx.transpose(qkv, [2, 0, 3, 1, 4])) as [MxArray, MxArray, MxArray];
    const rotated = (a: MxArray): MxArray =>
      mx.fast.rope(a, HEAD_DIMS, { traditional: false, base: ROTARY_BASE, offset: 0 });
    const attended = mx.fast.scaledDotProductAttention(rotated(query), rotated(key), value, {
      scale: HEAD_DIMS ** -0.5,
    });
    const joined = mx.reshape(mx.transpose(attended, [0, 2, 1, 3]), [batch, frames, dims]);
    return this.to_out.fused(joined, { residual: x });
  }
}
