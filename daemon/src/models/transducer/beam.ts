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
      predictAll(
        transducer,
        predictions,
        beam.live.map(({ path }) => path),
      );
      const rows = beam.live.map(({ path, frame }) => ({ frame, prediction: predictions.get(path) }));
      beam.step(await scoresOf(transducer, projected, rows, bias));
    }
    return beam.best();
  } finally {
    projected.dispose();
    for (const prediction of predictions.values()) disposePrediction(prediction);
  }
}

/** Predicts after each text whose prediction is missing, and frees those of all others. */
function predictAll(
  transducer: Transducer,
  predictions: Map<TokenPath, Prediction>,
  paths: readonly TokenPath[],
): void {
  for (const path of paths) {
    if (predictions.has(path)) continue;
    const before = path.parent && predictions.get(path.parent);
    predictions.set(path, transducer.predict(path.token, before));
  }
  const kept = new Set(paths);
  for (const [path, prediction] of predictions) {
    if (kept.has(path)) continue;
    disposePrediction(prediction);
    predictions.delete(path);
  }
}

interface Row {
  readonly frame: number;
  readonly prediction: Prediction | undefined;
}

/** Scores a frame for each text. */
async function scoresOf(
  { config, joint }: Transducer,
  projected: MxArray,
  rows: readonly Row[],
  bias: MxArray | undefined,
): Promise<JointScores[]> {
  const [ends, all] = [config.tokens + 1, config.tokens + 1 + config.durations.length];
  const logprobs = mx.tidy(() => {
    const frames = mx.take(projected, mx.array(Int32Array.from(rows, ({ frame }) => frame)), 0);
    const after = rows.flatMap(({ prediction }) => prediction?.projected ?? []);
    let logits = joint.forward(frames, mx.concatenate(after, 0));
    if (bias !== undefined) logits = mx.add(logits, bias);
    const part = (from: number, to: number): MxArray => {
      const logitsOf = mx.slice(logits, [0, from], [rows.length, to]);
      return mx.subtract(logitsOf, mx.logsumexp(logitsOf, 1, true));
    };
    return all > ends ? mx.concatenate([part(0, ends), part(ends, all)], 1) : part(0, ends);
  });
  try {
    await mx.ready(logprobs);
    const values = logprobs.toTypedArray('float32');
    return rows.map((_, i) => ({
      tokens: values.slice(i * all, i * all + ends),
      durations: values.slice(i * all + ends, (i + 1) * all),
    }));
  } finally {
    logprobs.dispose();
  }
}
