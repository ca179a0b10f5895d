/** Token selection on the device, without synchronizing with the host. */
import { mx, type MxArray } from '../index.js';
import { canPack } from './packed.js';

/** Tokens [R] int32 and their log-probabilities [R] float32. */
export type SampledTokens = [token: MxArray, logprob: MxArray];

/** The largest logit of each row of float32 [R, V]; the first of equals. */
export function argmax(logits: MxArray): SampledTokens {
  if (canPack()) return mx.cpu.argmax(logits);
  return withLogprob(logits, mx.argmax(logits, -1));
}

/** Samples each row's distribution at a temperature above 0. The log-probability is that at temperature 1. */
export function sample(logits: MxArray, temperature: number, seed: number): SampledTokens {
  const scaled = mx.multiply(logits, 1 / temperature);
  return withLogprob(logits, mx.random.categorical(scaled, -1, { key: mx.random.key(seed) }));
}

function withLogprob(logits: MxArray, chosen: MxArray): SampledTokens {
  const [rows = 0] = logits.shape;
  const token = mx.astype(chosen, 'int32'); // [R]
  const score = mx.takeAlongAxis(logits, mx.reshape(token, [rows, 1]), -1); // [R, 1]
  return [token, mx.subtract(mx.reshape(score, [rows]), mx.logsumexp(logits, -1))];
}
