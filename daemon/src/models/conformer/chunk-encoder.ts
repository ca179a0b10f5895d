/** Runs log-mel frames through the causal encoder, chunk by chunk or many chunks at once. */
import { mx, type Dtype, type MxArray } from '#native/index.js';

import type { FramePositions } from './causal-block.js';
import { warmUpDepth } from './causal-config.js';
import type { CausalConformerEncoder, CausalState } from './causal-encoder.js';
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
   * @throws SottoError ENGINE_CRASHED if the output is all zeros or NaN
   */
  async encode(mel: MxArray, before: CausalState, isLast: boolean): Promise<EncodedChunks> {
    const { encoder, dtype } = this;
    const { features, state, maxAbs } = mx.tidy(() => {
      const frames = mx.expandDims(mx.astype(mel, dtype), 0);
      const [x, subsampling] = encoder.embed(frames, before.subsampling, isLast);
      const [y, layers] = encoder.forward(x, this.#positions(x, before), before.layers);
      return {
        features: mx.squeeze(y, 0),
        state: { subsampling, layers },
        maxAbs: mx.max(mx.abs(mx.astype(y, 'float32'))),
      };
    });
    try {
      await mx.ready(features, maxAbs, ...arraysOf(state));
      checkFeatures(Number(maxAbs.item()));
    } catch (error) {
      features.dispose();
      disposeState(state);
      throw error;
    } finally {
      mx.dispose([mel, maxAbs]);
    }
    return { features, state };
  }

  /**
   * The state after chunks whose features are known already, exact once as many chunks were given as the features depend on.
   *
   * @param mels of at most `warmUpChunksAtOnce` chunks, [T, bands] each, freed
   * @param before freed
   * @param chunksLeft chunks until the first one that must be exact, without these
   */
  async warmUp(mels: readonly MxArray[], before: CausalState, chunksLeft: number): Promise<CausalState> {
    const { encoder, chunkFrames, dtype } = this;
    // The plain layers know one number of earlier frames for all of them.
    const depth = encoder.isChunkwise
      ? warmUpDepth(encoder.config, chunkFrames, chunksLeft + 1)
      : encoder.layers.length;
    const state = mx.tidy(() => {
      let { subsampling } = before;
      const embedded = mels.map((mel) => {
        const [x, after] = encoder.embed(mx.expandDims(mx.astype(mel, dtype), 0), subsampling, false);
        subsampling = after;
        return x;
      });
      const x = mx.concatenate(embedded, 1);
      const [, layers] = encoder.forward(x, this.#positions(x, before), before.layers, depth);
      return { subsampling, layers };
    });
    const after = new Set(arraysOf(state));
    try {
      await mx.ready(...after);
    } catch (error) {
      disposeState(state);
      throw error;
    } finally {
      mx.dispose([...mels, ...arraysOf(before).filter((array) => !after.has(array))]);
    }
    return state;
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
  return [
    ...subsampling,
    ...layers.flatMap(({ attention, convolution }) =>
      attention === undefined ? [convolution] : [attention, convolution],
    ),
  ];
}

function settled(state: CausalState): CausalState {
  mx.eval(arraysOf(state));
  return state;
}
