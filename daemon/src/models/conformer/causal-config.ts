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

/** Chunks before its own that a frame depends on within one layer: by attention, then by convolution. */
function chunksPerLayer({ leftFrames, kernelSize }: CausalConformerConfig, chunkFrames: number): number {
  return Math.floor(leftFrames / chunkFrames) + Math.ceil((kernelSize - 1) / chunkFrames);
}

/** Chunks after which an encoder that starts in the middle of audio is exact: those of all layers and of the subsampling. */
export function warmUpChunks(config: CausalConformerConfig, chunkFrames: number): number {
  return 1 + config.layers * chunksPerLayer(config, chunkFrames);
}

/** Layers whose features the first exact chunk depends on, at the chunk that is `chunksBefore` ≥ 1 before it. */
export function warmUpDepth(
  config: CausalConformerConfig,
  chunkFrames: number,
  chunksBefore: number,
): number {
  const perLayer = Math.max(1, chunksPerLayer(config, chunkFrames));
  return Math.max(0, config.layers + 1 - Math.ceil(chunksBefore / perLayer));
}
