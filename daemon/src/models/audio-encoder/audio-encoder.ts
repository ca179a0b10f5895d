/** The encoder of Whisper (Radford et al., arXiv 2212.04356). Fields carry the names of the checkpoint's tensors. */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { SelfAttention } from './encoder-attention.js';
import { EncoderBlock, type AudioBlock } from './encoder-block.js';

export interface AudioEncoderConfig {
  /** Mel bands of the input. */
  readonly nMels: number;
  /** Positions. */
  readonly nAudioCtx: number;
  readonly nAudioState: number;
  readonly nAudioHead: number;
  readonly nAudioLayer: number;
}

export class AudioEncoder extends nn.Module {
  conv1: nn.AnyConv1d;
  conv2: nn.AnyConv1d;
  _positions: MxArray; // [nAudioCtx, D]: sinusoids, not learned
  blocks: AudioBlock[];
  ln_post: nn.LayerNorm;

  constructor({ nMels, nAudioCtx, nAudioState, nAudioHead, nAudioLayer }: AudioEncoderConfig) {
    super();
    this.conv1 = new nn.Conv1d(nMels, nAudioState, 3, { padding: 1 });
    this.conv2 = new nn.Conv1d(nAudioState, nAudioState, 3, { padding: 1, stride: 2 }); // 10 ms → 20 ms
    this._positions = mx.keep(nn.sinusoids(nAudioCtx, nAudioState));
    this.blocks = Array.from(
      { length: nAudioLayer },
      () => new EncoderBlock(nAudioState, new SelfAttention(nAudioState, nAudioHead)),
    );
    this.ln_post = new nn.LayerNorm(nAudioState);
  }

  /** Normalized log-mel [B, 2 T, nMels] → audio features [B, T, D], T ≤ nAudioCtx */
  forward(mel: MxArray): MxArray {
    let x = this.embed(mel);
    for (const block of this.blocks) x = block.forward(x);
    return this.ln_post.forward(x);
  }

  /** Input of the first block: [B, 2 T, nMels] → [B, T, D] */
  embed(mel: MxArray): MxArray {
    const x = nn.gelu(this.conv1.forward(mel));
    return mx.add(nn.gelu(this.conv2.forward(x)), this.positions(mel.shape[1] ?? 0));
  }

  /** @param frames of the mel */
  protected positions(frames: number): MxArray {
    return mx.slice(this._positions, [0, 0], [Math.ceil(frames / 2), this._positions.shape[1] ?? 0]);
  }

  override toDtype(dtype: Dtype): this {
    super.toDtype(dtype);
    this.castPositions(dtype);
    return this;
  }

  /** The positions are not in the checkpoint, so their dtype is set separately. */
  castPositions(dtype: Dtype): void {
    const old = this._positions;
    if (old.dtype === dtype) return;
    this._positions = mx.keep(old.astype(dtype));
    old.dispose();
  }
}
