/**
 * Self-attention beside a memory: a convolution of each channel of the values over time (FSMN, arXiv 1512.08301), which
 * is added to the result. Queries and keys are rotated by their positions.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import {
  concatenated,
  keyMask,
  SelfAttention,
  type Attended,
} from '../../audio-encoder/encoder-attention.js';
import { FusedSelfAttention } from '../../audio-encoder/fused-audio-encoder.js';
import type { KernelDepthwise } from '../layers/kernel-layers.js';
import { ROTARY_DIMS } from './s3-config.js';

const KERNEL = 31;
const ROTARY_BASE = 10_000;

export class MemoryAttention extends SelfAttention {
  fsmn_block: nn.Conv1d;

  constructor(dims: number, heads: number) {
    super(dims, heads);
    this.fsmn_block = new nn.Conv1d(dims, dims, KERNEL, {
      padding: (KERNEL - 1) / 2,
      groups: dims,
      bias: false,
    });
  }

  /** x [B, T, D] → [B, T, D] */
  override forward(x: MxArray, { mask }: Attended = {}): MxArray {
    const value = this.value.forward(x);
    const qkv = concatenated(this.query.forward(x), this.key.forward(x), value);
    const attended = this.out.forward(rotaryAttend(qkv, this.heads, mask));
    return mx.add(attended, memoryOf(value, this.fsmn_block, mask));
  }
}

export class FusedMemoryAttention extends FusedSelfAttention {
  fsmn_block: nn.Conv1d | KernelDepthwise;

  constructor(attention: MemoryAttention) {
    super(attention);
    this.fsmn_block = attention.fsmn_block;
  }

  /** x + attention(norm(x)) + memory */
  override forward(x: MxArray, norm: nn.LayerNorm, { mask }: Attended = {}): MxArray {
    const qkv = this.qkv.fused(x, { norm });
    const [batch = 0, frames = 0, dims = 0] = x.shape;
    const value = mx.slice(qkv, [0, 0, 2 * dims], [batch, frames, 3 * dims]);
    const residual = mx.add(x, memoryOf(value, this.fsmn_block, mask));
    return this.out.fused(rotaryAttend(qkv, this.heads, mask), { residual });
  }
}

/** Packed projections [B, T, 3 D] → [B, T, D] */
function rotaryAttend(qkv: MxArray, heads: number, mask: MxArray | undefined): MxArray {
  const [queriesKeys, values] = mx.split(nn.splitHeads(qkv, 3 * heads), [2 * heads], 1) as [MxArray, MxArray];
  const rotated = mx.fast.rope(queriesKeys, ROTARY_DIMS, {
    traditional: false,
    base: ROTARY_BASE,
    offset: 0,
  });
  const [queries, keys] = mx.split(rotated, 2, 1) as [MxArray, MxArray];
  return nn.mergeHeads(nn.attend(queries, keys, values, { mask: keyMask(mask) }));
}

/** The convolved values and the values, nothing of padding: [B, T, D] → [B, T, D] */
function memoryOf(value: MxArray, block: nn.Conv1d | KernelDepthwise, mask: MxArray | undefined): MxArray {
  const kept = mask && mx.expandDims(mx.astype(mask, value.dtype), 2);
  const seen = kept ? mx.multiply(value, kept) : value;
  const memory = mx.add(block.forward(seen), seen);
  return kept ? mx.multiply(memory, kept) : memory;
}
