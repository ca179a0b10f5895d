/** Runs log-mel frames through the causal encoder, chunk by chunk or many chunks at once. */
import { mx, type Dtype, type MxArray } from '#native/index.js';

import { runSteps } from '../network-steps.js';
import type { FramePositions, LayerState } from './causal-block.js';
import { warmUpDepth } from './causal-config.js';
import type { CausalConformerEncoder, CausalState } from './causal-encoder.js';
import type { SubsamplingState } from './causal-subsampling.js';
import { checkFeatures } from './encode-mel.js';

/** Products of no more rows give a row the same bits as alone: `kFewRows` of native/src/cpu/linear_loops.cc. */
const MAX_EXACT_ROWS = 48;

export interface EncodedChunks {
  /** [T, D] */
  readonly features: MxArray;
  /** After them. */
  readonly state: CausalState;
}

/** Encodes streams whose chunks have one length. It holds no audio. */
export class ChunkEncoder {
  /** Of a whole chunk after as much audio as it attends to: most chunks of a stream. */
  #usual: { cachedFrames: number; positions: FramePositions[] } | undefined;

  /** @param chunkFrames frames of the encoder in a chunk: the look-ahead of its first frame and that frame */
  constructor(
    readonly encoder: CausalConformerEncoder,
    readonly chunkFrames: number,
    readonly dtype: Dtype,
  ) {}

  /** Chunks that `warmUp` takes at once: as many as give the bits of single ones. */
  get warmUpChunksAtOnce(): number {
    return this.encoder.isChunkwise ? Math.max(1, Math.floor(MAX_EXACT_ROWS / this.chunkFrames)) : 1;
  }

  start(): CausalState {
    return settled(mx.tidy(() => this.encoder.start(this.dtype)));
  }

  startWithin(): CausalState {
    return settled(mx.tidy(() => this.encoder.startWithin(this.dtype)));
  }

  /**
   * @param mel [T, bands] of whole chunks, freed; any number of at least 1 if `isLast`
   * @param before not freed
   * @returns what the caller frees
   * @throws SottoError CANCELLED within two layers; ENGINE_CRASHED if the output is all zeros or NaN
   */
  async encode(
    mel: MxArray,
    before: CausalState,
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<EncodedChunks> {
    const { layers } = this.encoder;
    const [features, state] = await this.#forward([mel], before, layers.length, isLast, signal);
    const maxAbs = mx.tidy(() => mx.max(mx.abs(mx.astype(features, 'float32'))));
    try {
      await mx.ready(maxAbs);
      checkFeatures(Number(maxAbs.item()));
      return { features: mx.tidy(() => mx.squeeze(features, 0)), state };
    } catch (error) {
      disposeState(state);
      throw error;
    } finally {
      mx.dispose([features, maxAbs]);
    }
  }

  /**
   * The state after chunks whose features are known already, exact once as many chunks were given as the features depend on.
   *
   * @param mels of at most `warmUpChunksAtOnce` chunks, [T, bands] each, freed
   * @param before freed, unless this fails
   * @param chunksLeft chunks until the first one that must be exact, without these
   * @throws SottoError CANCELLED within two layers
   */
  async warmUp(
    mels: readonly MxArray[],
    before: CausalState,
    chunksLeft: number,
    signal: AbortSignal,
  ): Promise<CausalState> {
    const { encoder, chunkFrames } = this;
    // The plain layers know one number of earlier frames for all of them.
    const depth = encoder.isChunkwise
      ? warmUpDepth(encoder.config, chunkFrames, chunksLeft + 1)
      : encoder.layers.length;
    const [features, state] = await this.#forward(mels, before, depth, false, signal);
    features.dispose();
    const after = new Set(arraysOf(state));
    mx.dispose(arraysOf(before).filter((array) => !after.has(array)));
    return state;
  }

  /**
   * The output of layer `depth` and the state after it; the layers behind it keep their state.
   *
   * @param mels freed
   * @param before not freed
   */
  async #forward(
    mels: readonly MxArray[],
    before: CausalState,
    depth: number,
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<[MxArray, CausalState]> {
    const { encoder } = this;
    const [x, subsampling] = this.#embed(mels, before.subsampling, isLast);
    const positions = mx.tidy(() => this.#positions(x, before));
    const layers: LayerState[] = [];
    const steps = encoder.layers.slice(0, depth).map((layer, i) => (inputs: MxArray): MxArray => {
      const [places, state] = [positions[i], before.layers[i]];
      if (places === undefined || state === undefined) throw new RangeError(`no state for layer ${i}`);
      const [outputs, after] = layer.forward(inputs, places, state);
      layers.push(after);
      mx.asyncEval(outputs, mx.keep(arraysOfLayer(after)));
      return outputs;
    });
    try {
      const features = await runSteps(x, steps, signal);
      await mx.ready(features, ...subsampling, ...layers.flatMap(arraysOfLayer));
      return [features, { subsampling, layers: [...layers, ...before.layers.slice(depth)] }];
    } catch (error) {
      disposeState({ subsampling, layers });
      throw error;
    } finally {
      if (positions !== this.#usual?.positions)
        mx.dispose(positions.map(({ distances, mask }) => (mask ? [distances, mask] : [distances])));
    }
  }

  /** The input of the first layer, [1, T', D]. @param mels freed */
  #embed(mels: readonly MxArray[], before: SubsamplingState, isLast: boolean): [MxArray, SubsamplingState] {
    try {
      return mx.tidy(() => {
        let subsampling = before;
        const embedded = mels.map((mel) => {
          const frames = mx.expandDims(mx.astype(mel, this.dtype), 0);
          const [x, after] = this.encoder.embed(frames, subsampling, isLast);
          subsampling = after;
          return x;
        });
        return [mx.concatenate(embedded, 1), subsampling];
      });
    } finally {
      mx.dispose([...mels]);
    }
  }

  dispose(): void {
    mx.dispose(this.#usual?.positions.map(({ distances }) => distances) ?? []);
    this.#usual = undefined;
  }

  /** Of the frames x [1, T, D] after those of a state. */
  #positions({ shape }: MxArray, { layers }: CausalState): FramePositions[] {
    const { encoder, chunkFrames, dtype } = this;
    const frames = shape[1] ?? 0;
    const cachedFrames = layers[0]?.attention?.shape[1] ?? 0;
    const { isChunkwise } = encoder;
    if (isChunkwise && this.#usual !== undefined) return this.#usual.positions;
    if (frames === chunkFrames && this.#usual?.cachedFrames === cachedFrames) return this.#usual.positions;
    const positions = encoder.positions(frames, cachedFrames, chunkFrames, dtype);
    const isUsual = frames === chunkFrames && cachedFrames === positions[0]?.keptFrames;
    if (isUsual || isChunkwise) {
      this.dispose();
      for (const { distances } of positions) mx.keep(distances);
      this.#usual = { cachedFrames, positions };
    }
    return positions;
  }
}

export function disposeState(state: CausalState): void {
  mx.dispose(arraysOf(state));
}

function arraysOf({ subsampling, layers }: CausalState): MxArray[] {
  return [...subsampling, ...layers.flatMap(arraysOfLayer)];
}

function arraysOfLayer({ attention, convolution }: LayerState): MxArray[] {
  return attention === undefined ? [convolution] : [attention, convolution];
}

function settled(state: CausalState): CausalState {
  mx.eval(arraysOf(state));
  return state;
}
