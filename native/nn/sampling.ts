/** Choosing a token where the logits are, without a word to the host. */
import { mx, type MxArray } from '../index.js';
import { canPack } from './packed.js';

/** Tokens [R] int32 and their log-probabilities [R] float32. */
export type SampledTokens = [token: MxArray, logprob: MxArray];

/** The likeliest token of each row of float32 logits [R, V], the first of equals. */
export function argmax(logits: MxArray): SampledTokens {
  if (canPack()) return mx.cpu.argmax(logits);
  return withLogprob(logits, mx.argmax(logits, -1));
}

/** A token drawn from each row's distribution, flattened by a temperature above 0. Scored at temperature 1. */
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
