/**
 * The S3 tokenizer of CosyVoice (arXiv 2407.05407, 2412.10117): the first blocks of a speech recognizer, and a quantizer of
 * what they compute. Fields carry the names of the checkpoint's tensors; those of a block are Whisper's.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { SelfAttention } from '../../audio-encoder/encoder-attention.js';
import { EncoderBlock, type AudioBlock } from '../../audio-encoder/encoder-block.js';
import { fusedAudioEncoder, FusedEncoderBlock } from '../../audio-encoder/fused-audio-encoder.js';
import type { NetworkStep } from '../run-chunk.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { FusedMemoryAttention, MemoryAttention } from './memory-attention.js';
import type { S3Config } from './s3-config.js';
import { ScalarQuantizer, VectorQuantizer, type Quantizer } from './s3-quantizer.js';

/** Frames after a convolution with kernel 3 and padding 1. */
const strided = (frames: number, stride: number): number => Math.floor((frames - 1) / stride) + 1;

export class S3Encoder extends nn.Module {
  conv1: nn.AnyConv1d;
  conv2: nn.AnyConv1d;
  blocks: AudioBlock[];
  /** Of the convolutions. */
  readonly strides: readonly [first: number, second: number];
  /** Whether positions are added to the input of the blocks; other blocks rotate by them. */
  readonly hasPositions: boolean;

  constructor(config: S3Config) {
    super();
    const { n_mels: mels, n_audio_state: dims, n_audio_head: heads, n_audio_layer: layers, memory } = config;
    this.strides = [config.stride, 2];
    this.hasPositions = !memory;
    this.conv1 = new nn.Conv1d(mels, dims, 3, { padding: 1, stride: this.strides[0] });
    this.conv2 = new nn.Conv1d(dims, dims, 3, { padding: 1, stride: this.strides[1] });
    const attention = memory ? MemoryAttention : SelfAttention;
    this.blocks = Array.from({ length: layers }, () => new EncoderBlock(dims, new attention(dims, heads)));
  }

  /**
   * Log-mel [B, T, n_mels] → latents [B, ⌈⌈T / strides[0]⌉ / 2⌉, D].
   *
   * @param lengths frames of each signal in a padded batch; what follows them changes nothing
   */
  steps(lengths?: readonly number[]): NetworkStep[] {
    const codes = lengths?.map((length) => this.codeCount(length));
    return [
      (mel) => this.embed(mel, lengths),
      ...this.blocks.map((block) => (x: MxArray) => block.forward(x, codes && maskOf(codes, x))),
    ];
  }

  /** Codes of `frames` mel frames. */
  codeCount(frames: number): number {
    return strided(strided(frames, this.strides[0]), this.strides[1]);
  }

  /** Input of the first block. */
  protected embed(mel: MxArray, lengths?: readonly number[]): MxArray {
    const halved = lengths?.map((length) => strided(length, this.strides[0]));
    const x = nn.gelu(this.conv1.forward(masked(mel, lengths)));
    const y = nn.gelu(this.conv2.forward(masked(x, halved)));
    return this.hasPositions ? mx.add(y, positionsOf(y.shape)) : y;
  }
}

class FusedS3Encoder extends S3Encoder {
  protected override embed(mel: MxArray, lengths?: readonly number[]): MxArray {
    const halved = lengths?.map((length) => strided(length, this.strides[0]));
    const x = this.conv1.fused(masked(mel, lengths), { gelu: true });
    const frames = strided(x.shape[1] ?? 0, this.strides[1]);
    const residual = this.hasPositions ? positionsOf([0, frames, x.shape[2] ?? 0]) : undefined;
    return this.conv2.fused(masked(x, halved), { gelu: true, residual });
  }
}

/** Sinusoids [T, D] for x [B, T, D]. */
const positionsOf = ([, frames = 0, dims = 0]: readonly number[]): MxArray => nn.sinusoids(frames, dims);

/** Boolean [B, T]: whether a frame of x [B, T, D] is before the end of its signal. */
function maskOf(lengths: readonly number[], x: MxArray): MxArray {
  return mx.less(mx.arange(x.shape[1] ?? 0), mx.array(Float32Array.from(lengths), [lengths.length, 1]));
}

/** x [B, T, D] with zeros after each signal. */
function masked(x: MxArray, lengths: readonly number[] | undefined): MxArray {
  return lengths ? mx.multiply(x, mx.expandDims(mx.astype(maskOf(lengths, x), x.dtype), 2)) : x;
}

export class S3Tokenizer extends nn.Module {
  encoder: S3Encoder;
  quantizer: Quantizer;

  constructor(readonly config: S3Config) {
    super();
    const { n_audio_state: dims, n_codebook_size: rows, memory } = config;
    this.encoder = new S3Encoder(config);
    this.quantizer = memory ? new ScalarQuantizer(dims) : new VectorQuantizer(rows, dims);
  }

  /** Rounded activations would give other codes. */
  get dtype(): Dtype {
    return 'float32';
  }
}

/** For `nn.fuse`. */
export const fusedS3: nn.Fusion = (module) => {
  if (module instanceof S3Encoder) return nn.retyped(module, FusedS3Encoder);
  if (module instanceof EncoderBlock && module.attn instanceof MemoryAttention) {
    return new FusedEncoderBlock(module, new FusedMemoryAttention(module.attn));
  }
  return fusedAudioEncoder(module) ?? fusedCodecLayers(module);
};
