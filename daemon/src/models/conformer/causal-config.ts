import { SUBSAMPLING, type ConformerConfig } from './conformer-config.js';

/** Dimensions of a FastConformer that reads audio in chunks: a frame depends on its own chunk and earlier ones. */
export interface CausalConformerConfig extends ConformerConfig {
  /** Frames before its chunk that a frame attends to; only whole chunks count. */
  readonly leftFrames: number;
}

/** Frames of earlier chunks that a frame attends to. */
export function pastFrames({ leftFrames }: CausalConformerConfig, chunkFrames: number): number {
  return Math.floor(leftFrames / chunkFrames) * chunkFrames;
}

/** Mel frames before the end of chunk `count - 1`. The first frame stands for one mel frame, since zeros precede it. */
export function melFramesOf(count: number, chunkFrames: number): number {
  return count === 0 ? 0 : 1 + SUBSAMPLING * (count * chunkFrames - 1);
}

/** Bands after one of the three convolutions: two zeros stand before them and one after. */
export function halvedBands(bands: number): number {
  return Math.floor(bands / 2) + 1;
}

/**
 * Chunks after which an encoder that starts in the middle of audio is exact: in each layer a frame depends on so many chunks
 * by attention and by convolution, and the subsampling on the chunk before.
 */
export function warmUpChunks(config: CausalConformerConfig, chunkFrames: number): number {
  const byAttention = Math.floor(config.leftFrames / chunkFrames);
  const byConvolution = Math.ceil((config.kernelSize - 1) / chunkFrames);
  return 1 + config.layers * (byAttention + byConvolution);
}
