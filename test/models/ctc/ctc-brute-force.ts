/** All alignments of small emissions, one by one: what the CTC decoders must agree with. */
import type { Emissions } from '#daemon/models/ctc/emissions.js';
import { seededRandom } from '../../harness/seeded-random.js';

/** Normalized emissions of random logits. */
export function randomEmissions(frames: number, classes: number, seed: number, sharpness = 3): Emissions {
  const random = seededRandom(seed);
  const logprobs = new Float32Array(frames * classes);
  for (let t = 0; t < frames; t++) {
    const logits = Array.from({ length: classes }, () => sharpness * (random() - 0.5));
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    for (const [id, logit] of logits.entries()) logprobs[t * classes + id] = logit - total;
  }
  return { frames, classes, logprobs };
}

export function collapsed(path: readonly number[], blank: number): number[] {
  return path.filter((id, t) => id !== blank && id !== path[t - 1]);
}

/** Every path of one id a frame with its log probability. */
export function* allPaths({
  frames,
  classes,
  logprobs,
}: Emissions): Generator<{ path: number[]; logprob: number }> {
  for (let code = 0; code < classes ** frames; code++) {
    const path = Array.from({ length: frames }, (_, t) => Math.floor(code / classes ** t) % classes);
    yield { path, logprob: path.reduce((sum, id, t) => sum + (logprobs[t * classes + id] ?? 0), 0) };
  }
}
