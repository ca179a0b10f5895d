/** Beam search over the frames of a transducer. */
import { yieldToEventLoop } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';

import {
  BeamHypotheses,
  type TransducerBeamOptions,
  type JointScores,
  type TokenPath,
} from './beam-hypotheses.js';
import type { Emission } from './greedy-walk.js';
import { disposePrediction, type Transducer } from './transducer.js';
import type { Prediction } from './transducer-network.js';

export interface BeamSearchOptions extends TransducerBeamOptions {
  /** Added to the logits: [tokens + blank + durations]. */
  readonly bias?: MxArray | undefined;
  readonly signal: AbortSignal;
}

/**
 * The most probable text. All hypotheses of a step are scored in one product.
 *
 * @param features of the encoder, [T, encoder dims]
 * @throws SottoError CANCELLED within one step
 */
export async function decodeBeam(
  transducer: Transducer,
  features: MxArray,
  { bias, signal, ...options }: BeamSearchOptions,
): Promise<Emission[]> {
  const { config } = transducer;
  const beam = new BeamHypotheses(config, features.shape[0] ?? 0, options);
  const projected = transducer.project(features);
  const predictions = new Map<TokenPath, Prediction>();
  try {
    while (beam.live.length > 0) {
      await yieldToEventLoop(signal);
      const frames = beam.live.map(({ frame }) => frame);
      const paths = beam.live.map(({ path }) => path);
      const after = predictAll(transducer, predictions, paths);
      beam.step(await scoresOf(transducer, projected, frames, after, bias));
    }
    return beam.best();
  } finally {
    projected.dispose();
    for (const prediction of predictions.values()) disposePrediction(prediction);
  }
}

/** The predictions after each text: the missing ones are made, those of other texts are freed. */
function predictAll(
  transducer: Transducer,
  predictions: Map<TokenPath, Prediction>,
  paths: readonly TokenPath[],
): Prediction[] {
  const after = paths.map((path) => {
    const known = predictions.get(path);
    if (known !== undefined) return known;
    const made = transducer.predict(path.token, path.parent && predictions.get(path.parent));
    predictions.set(path, made);
    return made;
  });
  const kept = new Set(paths);
  for (const [path, prediction] of predictions) {
    if (kept.has(path)) continue;
    disposePrediction(prediction);
    predictions.delete(path);
  }
  return after;
}

/** Scores a frame for each text. */
async function scoresOf(
  transducer: Transducer,
  projected: MxArray,
  frames: readonly number[],
  predictions: readonly Prediction[],
  bias: MxArray | undefined,
): Promise<JointScores[]> {
  const { tokens, durations } = transducer.config;
  const [ends, all] = [tokens + 1, tokens + 1 + durations.length];
  const rows = mx.tidy(() => mx.take(projected, mx.array(Int32Array.from(frames)), 0));
  try {
    const values = await transducer.logprobs(rows, predictions, bias);
    return frames.map((_, i) => ({
      tokens: values.subarray(i * all, i * all + ends),
      durations: values.subarray(i * all + ends, (i + 1) * all),
    }));
  } finally {
    rows.dispose();
  }
}
