import { yieldToEventLoop } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';

import { HotwordTracker, type StoredHotwordState } from '../hotwords/hotword-tracker.js';
import type { Hotwords } from '../hotwords/hotword-trie.js';
import { advance, type Emission, type WalkState } from './greedy-walk.js';
import { disposePrediction, type Transducer } from './transducer.js';
import type { Prediction } from './transducer-network.js';

/** Frames that are scored against a prediction at once: a run of blanks costs one product and one wait. */
const FRAMES_AT_ONCE = 8;

export interface GreedyOptions {
  /** Added to the logits: [tokens + blank + durations]. */
  readonly bias?: MxArray | undefined;
  /** Whether a frame has a token is decided without them; which token, with them. */
  readonly hotwords?: Hotwords | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface TokenChoice {
  readonly token: number;
  readonly logprob: number;
}

/** Where decoding stands, as plain numbers. */
export interface GreedyState {
  /** Frames that were decoded. */
  readonly frames: number;
  readonly walk: Readonly<WalkState>;
  /** `Transducer.recurrent` after the last token. */
  readonly recurrent: readonly Float32Array[];
  readonly hotwords?: StoredHotwordState | undefined;
}

/** Chooses the best token at each step, over frames that may arrive in parts. */
export class GreedyDecoder {
  readonly #transducer: Transducer;
  readonly #options: GreedyOptions;
  readonly #walk: WalkState;
  readonly #tracker: HotwordTracker | undefined;
  #frames: number;
  #prediction: Prediction;

  constructor(transducer: Transducer, options: GreedyOptions = {}, from?: GreedyState) {
    this.#transducer = transducer;
    this.#options = options;
    this.#walk = { ...(from?.walk ?? { frame: 0, symbols: 0 }) };
    this.#tracker = options.hotwords && new HotwordTracker(options.hotwords, from?.hotwords);
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
      ...(this.#tracker && { hotwords: this.#tracker.stored }),
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
        if (signal) await yieldToEventLoop(signal);
        const from = state.frame;
        const end = Math.min(from + FRAMES_AT_ONCE, frames);
        const scored = mx.tidy(() =>
          mx.slice(projected, [from - offset, 0], [end - offset, config.jointDims]),
        );
        let emission: Emission | undefined;
        try {
          const choices = await this.#transducer.choose(scored, this.#prediction, this.#options.bias);
          while (emission === undefined && state.frame < end) {
            const i = state.frame - from;
            const best = { token: choices.tokens[i] ?? config.tokens, logprob: choices.logprobs[i] ?? 0 };
            const { token, logprob } = await this.#favored(best, scored, i);
            emission = advance(config, state, token, choices.durations[i] ?? 0, logprob);
          }
        } finally {
          scored.dispose();
        }
        if (emission === undefined) continue;
        this.#tracker?.push(emission.token);
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

  /** The token that the hotwords favor instead of the best one; a blank stays. @param frames projected */
  async #favored(best: TokenChoice, frames: MxArray, i: number): Promise<TokenChoice> {
    const { tokens, jointDims } = this.#transducer.config;
    if (this.#tracker === undefined || best.token === tokens) return best;
    const row = mx.tidy(() => mx.slice(frames, [i, 0], [i + 1, jointDims]));
    try {
      const logprobs = await this.#transducer.logprobs(row, [this.#prediction], this.#options.bias);
      const token = this.#tracker.choose(logprobs.subarray(0, tokens));
      return { token, logprob: logprobs[token] ?? 0 };
    } finally {
      row.dispose();
    }
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
