/**
 * The cache-aware FastConformer encoder (Noroozi et al., arXiv 2312.17279): audio is read in chunks, and the frames of a chunk
 * see each other and the chunks before them, so that live features equal those of the whole audio. Fields carry the names of
 * NeMo's checkpoints.
 */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import {
  CausalConformerBlock,
  type AnyCausalBlock,
  type FramePositions,
  type LayerState,
} from './causal-block.js';
import { halvedBands, pastFrames, type CausalConformerConfig } from './causal-config.js';
import { CausalSubsampling, type AnyCausalSubsampling, type SubsamplingState } from './causal-subsampling.js';
import { relativePositions } from './relative-attention.js';

/** All that the next chunk needs of earlier audio. A value: encoding makes a new one. */
export interface CausalState {
  readonly subsampling: SubsamplingState;
  readonly layers: readonly LayerState[];
}

export class CausalConformerEncoder extends nn.Module {
  pre_encode: AnyCausalSubsampling;
  layers: AnyCausalBlock[];

  constructor(readonly config: CausalConformerConfig) {
    super();
    this.pre_encode = new CausalSubsampling(config);
    this.layers = Array.from({ length: config.layers }, () => new CausalConformerBlock(config));
  }

  /** The state before the first audio. */
  start(dtype: Dtype): CausalState {
    const { dims, kernelSize } = this.config;
    const layers = this.layers.map(() => ({
      attention: undefined,
      convolution: mx.zeros([1, kernelSize - 1, dims], dtype),
    }));
    return { subsampling: [], layers };
  }

  /** A state in the middle of audio without what came before. Chunks after `warmUpChunks` of them are exact. */
  startWithin(dtype: Dtype): CausalState {
    const { bands, subsamplingChannels: channels } = this.config;
    let width = bands;
    const subsampling = [1, channels, channels].map((depth, i) => {
      if (i > 0) width = halvedBands(width);
      return mx.zeros([1, 1, width, depth], dtype);
    });
    return { ...this.start(dtype), subsampling };
  }

  /** Input of the first block: mel [1, T, bands] → [1, T', D] and the state after it */
  embed(mel: MxArray, before: SubsamplingState, isLast: boolean): [MxArray, SubsamplingState] {
    const [x, after] = this.pre_encode.forward(mel, before, isLast);
    return [this.config.isInputScaled ? mx.multiply(x, Math.sqrt(this.config.dims)) : x, after];
  }

  /** `AnyCausalBlock.isChunkwise` of all layers. */
  get isChunkwise(): boolean {
    return this.layers.every(({ isChunkwise }) => isChunkwise);
  }

  /**
   * What each layer knows of the places of `frames` after `cachedFrames` others; independent of the audio.
   *
   * @param frames in chunks of `chunkFrames`; the last one may have fewer
   */
  positions(frames: number, cachedFrames: number, chunkFrames: number, dtype: Dtype): FramePositions[] {
    const keptFrames = pastFrames(this.config, chunkFrames);
    const { isChunkwise } = this;
    const [own, earlier] = isChunkwise ? [chunkFrames, keptFrames] : [frames, cachedFrames];
    const sinusoids = relativePositions(own, this.config.dims, dtype, earlier);
    const mask =
      frames > chunkFrames && !isChunkwise
        ? chunkMask(frames, cachedFrames, chunkFrames, keptFrames, dtype)
        : undefined;
    return this.layers.map((layer) => {
      return { distances: layer.distanceKeys(sinusoids), mask, chunkFrames, keptFrames };
    });
  }

  /**
   * The features after those of `before`.
   *
   * @param x of `embed`, [1, T, D]
   * @param positions of T frames after those in `before`
   * @param depth layers to run; the others keep their state, and the result is that of the last one
   */
  forward(
    x: MxArray,
    positions: readonly FramePositions[],
    before: readonly LayerState[],
    depth = this.layers.length,
  ): [MxArray, LayerState[]] {
    const after = this.layers.map((layer, i) => {
      const [places, state] = [positions[i], before[i]];
      if (places === undefined || state === undefined) throw new RangeError(`no state for layer ${i}`);
      if (i >= depth) return state;
      const [y, own] = layer.forward(x, places, state);
      x = y;
      return own;
    });
    return [x, after];
  }
}

/** Additive [T, C + T]: -∞ for keys of later chunks than the query's, and for those more than `kept` frames before its chunk. */
function chunkMask(
  frames: number,
  cachedFrames: number,
  chunkFrames: number,
  keptFrames: number,
  dtype: Dtype,
): MxArray {
  const width = cachedFrames + frames;
  const mask = new Float32Array(frames * width);
  for (let query = 0; query < frames; query++) {
    const start = Math.floor(query / chunkFrames) * chunkFrames;
    for (let i = 0; i < width; i++) {
      const key = i - cachedFrames;
      if (key < start - keptFrames || key >= start + chunkFrames) mask[query * width + i] = -Infinity;
    }
  }
  return mx.array(mask, [frames, width]).astype(dtype);
}
