/** Greedy decoding of one piece of audio. */
import { yieldToEventLoop } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { AudioKeysValues } from './encode-samples.js';
import type { Moonshine } from './moonshine-network.js';

export interface DecodedToken {
  readonly id: number;
  /** 0…1 */
  readonly probability: number;
}

export interface DecodeLimits {
  /** The most tokens to decode, the end-of-text among them. */
  readonly maxTokens: number;
  /** Whether to stop after these tokens. */
  readonly shouldStop: (tokens: readonly DecodedToken[]) => boolean;
}

export interface DecodedTokens {
  /** Without the end-of-text. */
  readonly found: readonly DecodedToken[];
  /** Whether the model ended the text itself. */
  readonly ended: boolean;
}

/** One token, still on the device. */
interface Step {
  readonly token: MxArray; // [1] int32
  readonly logprob: MxArray; // [1]
}

/**
 * The most probable tokens of the audio.
 *
 * The step for a token is queued before the previous token is read, so the device never waits for JavaScript; the price is
 * one superfluous step at the end. Each token costs one wait and one read.
 *
 * @param caches one for each layer; emptied first
 * @throws SottoError CANCELLED within one step
 */
export async function decodeTokens(
  model: Moonshine,
  audio: AudioKeysValues,
  caches: readonly nn.SelfAttentionCache[],
  { maxTokens, shouldStop }: DecodeLimits,
  signal: AbortSignal,
): Promise<DecodedTokens> {
  const { startToken, endTokens, suppressedTokens, suppressedFirstTokens } = model.config;
  const never = biasAgainst(suppressedTokens, model);
  const notFirst = biasAgainst([...suppressedTokens, ...suppressedFirstTokens], model);
  for (const cache of caches) cache.reset();
  const tokens: DecodedToken[] = [];
  let step: Step | undefined = firstStep(model, audio, caches, startToken, notFirst);
  let next: Step | undefined;
  try {
    mx.asyncEval(step.token, step.logprob);
    while (step !== undefined) {
      if (tokens.length + 1 < maxTokens) {
        next = nextStep(model, audio, caches, step.token, never);
        mx.asyncEval(next.token, next.logprob);
      }
      await mx.ready(step.token, step.logprob);
      await yieldToEventLoop(signal);
      const id = Number(step.token.item());
      const probability = Math.exp(Number(step.logprob.item()));
      disposeStep(step);
      [step, next] = [next, undefined];
      if (endTokens.includes(id)) return { found: tokens, ended: true };
      tokens.push({ id, probability });
      if (shouldStop(tokens)) break;
    }
    return { found: tokens, ended: false };
  } finally {
    for (const leftover of [step, next]) if (leftover !== undefined) disposeStep(leftover);
    mx.dispose(never, notFirst);
  }
}

export function makeCaches({ decoder }: Moonshine, maxTokens: number): nn.SelfAttentionCache[] {
  return decoder.layers.map(() => nn.selfAttentionCache(maxTokens));
}

function firstStep(
  model: Moonshine,
  audio: AudioKeysValues,
  caches: readonly nn.SelfAttentionCache[],
  start: number,
  bias: MxArray | undefined,
): Step {
  return mx.tidy(() => nextStep(model, audio, caches, mx.array([start], [1], 'int32'), bias));
}

function nextStep(
  { decoder }: Moonshine,
  audio: AudioKeysValues,
  caches: readonly nn.SelfAttentionCache[],
  previous: MxArray,
  bias: MxArray | undefined,
): Step {
  return mx.tidy(() => {
    const hidden = decoder.forward(mx.reshape(previous, [1, 1]), caches, audio); // [1, 1, D]
    const logits = decoder.logits(mx.reshape(hidden, [1, -1])); // [1, V]
    const [token, logprob] = nn.argmax(bias === undefined ? logits : mx.add(logits, bias));
    return { token, logprob };
  });
}

/** Added to the logits, [V]: -∞ for these tokens. Undefined if there are none. */
function biasAgainst(tokens: readonly number[], { config }: Moonshine): MxArray | undefined {
  if (tokens.length === 0) return undefined;
  const bias = new Float32Array(config.vocabulary);
  for (const token of tokens) bias[token] = -Infinity;
  return mx.array(bias);
}

function disposeStep({ token, logprob }: Step): void {
  mx.dispose(token, logprob);
}
