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

/**
 * The best token at each step.
 *
 * @param features of the encoder, [T, encoder dims]
 * @throws SottoError CANCELLED within one step
 */
export async function decodeGreedy(
  transducer: Transducer,
  features: MxArray,
  { bias, signal }: GreedyOptions = {},
): Promise<Emission[]> {
  const { config } = transducer;
  const frames = features.shape[0] ?? 0;
  const projected = transducer.project(features);
  const emissions: Emission[] = [];
  const state: WalkState = { frame: 0, symbols: 0 };
  let prediction: Prediction | undefined;
  try {
    prediction = transducer.predict(config.tokens); // the blank stands for the start
    while (state.frame < frames) {
      throwIfCancelled(signal);
      const from = state.frame;
      const end = Math.min(from + FRAMES_AT_ONCE, frames);
      const scored = mx.tidy(() => mx.slice(projected, [from, 0], [end, config.jointDims]));
      const choices = await transducer.choose(scored, prediction, bias);
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
      const next = transducer.predict(emission.token, prediction);
      disposePrediction(prediction);
      prediction = next;
    }
    return emissions;
  } finally {
    projected.dispose();
    disposePrediction(prediction);
  }
}
