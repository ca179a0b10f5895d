/** Runs log-mel frames through the causal encoder, chunk by chunk or many chunks at once. */
import { mx, type Dtype, type MxArray } from '#native/index.js';

import type { FramePositions } from './causal-block.js';
import type { CausalConformerEncoder, CausalState } from './causal-encoder.js';
import { checkFeatures } from './encode-mel.js';

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
    const { encoder, chunkFrames, dtype } = this;
    const cachedFrames = before.layers[0]?.attention?.keys.shape[2] ?? 0;
    const { features, state, maxAbs } = mx.tidy(() => {
      const frames = mx.expandDims(mx.astype(mel, dtype), 0);
      const [x, subsampling] = encoder.embed(frames, before.subsampling, isLast);
      const positions = this.#positions(x.shape[1] ?? 0, cachedFrames, chunkFrames);
      const [y, layers] = encoder.forward(x, positions, before.layers);
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

  dispose(): void {
    mx.dispose(this.#usual?.positions.map(({ distances }) => distances) ?? []);
    this.#usual = undefined;
  }

  #positions(frames: number, cachedFrames: number, chunkFrames: number): FramePositions[] {
    if (frames === chunkFrames && this.#usual?.cachedFrames === cachedFrames) return this.#usual.positions;
    const positions = this.encoder.positions(frames, cachedFrames, chunkFrames, this.dtype);
    const isUsual = frames === chunkFrames && cachedFrames === positions[0]?.keptFrames;
    if (isUsual) {
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
      attention === undefined ? [convolution] : [attention.keys, attention.values, convolution],
    ),
  ];
}

function settled(state: CausalState): CausalState {
  mx.eval(arraysOf(state));
  return state;
}
