/** Dimensions of a FastConformer encoder. */
export interface ConformerConfig {
  /** Mel bands of the input. */
  readonly bands: number;
  readonly layers: number;
  /** Width of the encoder, D. */
  readonly dims: number;
  readonly heads: number;
  readonly feedForwardDims: number;
  /** Frames under the depthwise convolution; odd. */
  readonly kernelSize: number;
  readonly subsamplingChannels: number;
  /** Whether feed forward and attention have biases. */
  readonly hasBias: boolean;
  /** Whether the convolutions of the blocks have biases. */
  readonly hasConvolutionBias: boolean;
  /** Whether the input of the first block is multiplied by √D (`xscaling`). */
  readonly isInputScaled: boolean;
  /** All frames see each other if omitted. */
  readonly attentionContext?: AttentionContext;
}

/** Local attention: how many frames before and after its own a frame sees. */
export interface AttentionContext {
  readonly back: number;
  readonly ahead: number;
}

/** Mel frames for each frame of the encoder. */
export const SUBSAMPLING = 8;

/** Frames of the encoder for so many mel frames: each of three convolutions of stride 2 rounds up. */
export function encoderFrames(melFrames: number): number {
  let frames = melFrames;
  for (let factor = 1; factor < SUBSAMPLING; factor *= 2) frames = Math.ceil(frames / 2);
  return frames;
}
