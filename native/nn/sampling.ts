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

/**
 * The `count` largest logits of each row of float32 [R, V] in descending order, the first of equals first → tokens [R, count]
 * int32, their log-probabilities [R, count], and log Σ e^x [R, 1]. Tokens at -∞ have no finite log-probability, and their order
 * is undefined.
 */
export function topK(
  logits: MxArray,
  count: number,
): [tokens: MxArray, logprobs: MxArray, logNormalizer: MxArray] {
  if (canPack()) return mx.cpu.topK(logits, count);
  const found: MxArray[] = [];
  let left = logits;
  // One argmax per token: a partition does not guarantee the first of equal values.
  for (let i = 0; i < count; i++) {
    const token = mx.argmax(left, -1, true); // [R, 1]
    found.push(token);
    if (i + 1 < count) left = mx.putAlongAxis(left, token, mx.array(-Infinity), -1);
  }
  const tokens = mx.concatenate(found, -1);
  const logNormalizer = mx.logsumexp(logits, -1, true);
  const logprobs = mx.subtract(mx.takeAlongAxis(logits, tokens, -1), logNormalizer);
  return [mx.astype(tokens, 'int32'), logprobs, logNormalizer];
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
