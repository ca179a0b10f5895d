/** Vocoders over features of any length: chunks with context, which joined equal the whole. */
import { throwIfCancelled } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';

import { runSteps } from '../../network-steps.js';
import { samplesOf } from '../codes-arrays.js';
import { frameRanges } from './chunked.js';

export interface VocoderPlan {
  /** Samples of a frame. */
  readonly hop: number;
  /** Frames to keep of each chunk. */
  readonly frames: number;
  /** Frames of context on each side; more than the reach of the network. */
  readonly context: number;
  /** Samples that the last frame of a chunk does not give; at most `hop`. */
  readonly missing: number;
}

/**
 * Yields the samples of `total` frames, chunk by chunk.
 *
 * @param features of the frames from `start` to `end`, [1, end - start, channels]; called in a tidy scope
 * @param steps to samples [1, (end - start) · hop - missing, 1]
 * @throws SottoError CANCELLED; ENGINE_CRASHED for a NaN
 */
export async function* vocodeChunks(
  total: number,
  features: (start: number, end: number) => MxArray,
  plan: VocoderPlan,
  steps: () => readonly ((x: MxArray) => MxArray)[],
  signal: AbortSignal,
): AsyncGenerator<Float32Array, void> {
  for (const { start, first, last, end } of frameRanges(total, plan)) {
    throwIfCancelled(signal);
    const audio = await runSteps(
      mx.tidy(() => features(start, end)),
      steps(),
      signal,
    );
    let samples: Float32Array;
    try {
      samples = samplesOf(audio);
    } finally {
      audio.dispose();
    }
    const [from, to] = [(first - start) * plan.hop, (last - start) * plan.hop];
    // Only the whole lacks the samples of its last frame: those of a chunk are in its context.
    yield samples.subarray(from, to);
  }
}
