import { throwIfCancelled } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';

import { advance, type Emission, type WalkState } from './greedy-walk.js';
import { disposePrediction, type Transducer } from './transducer.js';
import type { Prediction } from './transducer-network.js';

/** Frames that are scored against a prediction at once: a run of blanks costs one product and one wait. */
const FRAMES_AT_ONCE = 8;

export interface GreedyOptions {
  /** Added to the logits: [tokens + blank + durations]. */
  readonly bias?: MxArray | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where decoding stands, as plain numbers. */
export interface GreedyState {
  /** Frames that were decoded. */
  readonly frames: number;
  readonly walk: Readonly<WalkState>;
  /** `Transducer.recurrent` after the last token. */
  readonly recurrent: readonly Float32Array[];
}

/** Chooses the best token at each step, over frames that may arrive in parts. */
export class GreedyDecoder {
  readonly #transducer: Transducer;
  readonly #options: GreedyOptions;
  readonly #walk: WalkState;
  #frames: number;
  #prediction: Prediction;

  constructor(transducer: Transducer, options: GreedyOptions = {}, from?: GreedyState) {
    this.#transducer = transducer;
    this.#options = options;
    this.#walk = { ...(from?.walk ?? { frame: 0, symbols: 0 }) };
    this.#frames = from?.frames ?? 0;
    // The blank stands for the start.
    this.#prediction = from
      ? transducer.restore(from.recurrent)
      : transducer.predict(transducer.config.tokens);
  }

  get state(): GreedyState {
    return {
      frames: this.#frames,
      walk: { ...this.#walk },
      recurrent: this.#transducer.recurrent(this.#prediction),
    };
  }

  /**
   * Decodes the next frames.
   *
   * @param features of the encoder, [T, encoder dims]
   * @returns emissions, whose frames count from the first part
   * @throws SottoError CANCELLED within one step
   */
  async decode(
    features: MxArray,
    signal: AbortSignal | undefined = this.#options.signal,
  ): Promise<Emission[]> {
    const { config } = this.#transducer;
    const state = this.#walk;
    const offset = this.#frames;
    const frames = offset + (features.shape[0] ?? 0);
    const projected = this.#transducer.project(features);
    const emissions: Emission[] = [];
    try {
      while (state.frame < frames) {
        throwIfCancelled(signal);
        const from = state.frame;
        const end = Math.min(from + FRAMES_AT_ONCE, frames);
        const scored = mx.tidy(() =>
          mx.slice(projected, [from - offset, 0], [end - offset, config.jointDims]),
        );
        const choices = await this.#transducer.choose(scored, this.#prediction, this.#options.bias);
        scored.dispose();
        let emission: Emission | undefined;
        while (emission === undefined && state.frame < end) {
          const i = state.frame - from;
          emission = advance(
            config,
            state,
            choices.tokens[i] ?? config.tokens,
            choices.durations[i] ?? 0,
            choices.logprobs[i] ?? 0,
          );
        }
        if (emission === undefined) continue;
        emissions.push(emission);
        const next = this.#transducer.predict(emission.token, this.#prediction);
        disposePrediction(this.#prediction);
        this.#prediction = next;
      }
      this.#frames = frames;
      return emissions;
    } finally {
      projected.dispose();
    }
  }

  dispose(): void {
    disposePrediction(this.#prediction);
  }
}

/**
 * The best token at each step.
 *
 * @param features of the encoder, [T, encoder dims]
 * @throws SottoError CANCELLED within one step
 */
export async function decodeGreedy(
  transducer: Transducer,
  features: MxArray,
  options: GreedyOptions = {},
): Promise<Emission[]> {
  const decoder = new GreedyDecoder(transducer, options);
  try {
    return await decoder.decode(features);
  } finally {
    decoder.dispose();
  }
}
