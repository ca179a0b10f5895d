/**
 * The FastConformer encoder (Rekesh et al., arXiv 2305.05084): log-mel frames of 10 ms become features of 80 ms. Fields carry
 * the names of NeMo's checkpoints.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { ConformerBlock, type AnyConformerBlock } from './conformer-block.js';
import type { ConformerConfig } from './conformer-config.js';
import { relativePositions } from './relative-attention.js';
import { Subsampling, type AnySubsampling } from './subsampling.js';

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
    const positions = this.positions(x);
    for (const layer of this.layers) x = layer.forward(x, positions);
    return x;
  }

  /** Input of the first block: mel [B, T, bands] → [B, ⌈T / 8⌉, D] */
  embed(mel: MxArray): MxArray {
    const x = this.pre_encode.forward(mel);
    return this.config.isInputScaled ? mx.multiply(x, Math.sqrt(this.config.dims)) : x;
  }

  /** What all blocks know of the distances in x [B, T, D]: [2 T - 1, D] */
  positions(x: MxArray): MxArray {
    return relativePositions(x.shape[1] ?? 0, this.config.dims, x.dtype);
  }
}
