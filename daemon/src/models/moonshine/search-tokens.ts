/** Beam search and hotwords over one piece of audio. */
import { mx, type MxArray } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import { SearchSteps, type SearchNetwork } from '../search/search-steps.js';
import type { Search } from '../search/search.js';
import type { DecodedTokens, DecodeLimits } from './decode-tokens.js';
import type { AudioKeysValues } from './encode-samples.js';
import type { Moonshine } from './moonshine-network.js';

/** All other tokens that end a text count as this one. */
export function endToken({ config }: Moonshine): number {
  return config.endTokens[0] ?? 0;
}

/**
 * `decodeTokens` by a search on the host, whose end-of-text is `endToken`. All sequences share the keys and values of the
 * audio.
 *
 * @param caches one for each layer; emptied first
 * @throws SottoError CANCELLED within one step
 */
export async function searchTokens(
  model: Moonshine,
  audio: AudioKeysValues,
  caches: readonly nn.SelfAttentionCache[],
  search: Search,
  { maxTokens, shouldStop }: DecodeLimits,
  signal: AbortSignal,
): Promise<DecodedTokens> {
  for (const cache of caches) cache.reset();
  const network = networkOf(model, audio, caches, maxTokens);
  const steps = new SearchSteps(network, search);
  let rows: number[];
  try {
    const start = mx.tidy(() => network.logits(mx.array([model.config.startToken], [1, 1], 'int32'), 1));
    rows = (await steps.readCandidates(start, signal))(0);
    for (let count = 1; rows.length > 0 && count < maxTokens; count++) {
      if (shouldStop(decodedTokens(search.leading()))) break;
      rows = await steps.next(rows, signal);
    }
  } finally {
    steps.dispose();
  }
  return { found: decodedTokens(search.best()), ended: rows.length === 0 };
}

function networkOf(
  model: Moonshine,
  audio: AudioKeysValues,
  caches: readonly nn.SelfAttentionCache[],
  maxPositions: number,
) {
  const { decoder, config } = model;
  const { vocabulary, endTokens } = config;
  return {
    caches,
    vocabulary,
    maxPositions,
    logits: (tokens: MxArray, rows: number) => {
      const hidden = decoder.forward(tokens, caches, audio); // [N, 1, D]
      return withOneEnd(decoder.logits(mx.reshape(hidden, [rows, -1])), rows, endTokens);
    },
    stateOf: () => undefined,
    follow: () => undefined,
  } satisfies SearchNetwork;
}

/** Logits [N, V] → the same with the probabilities of all tokens that end a text added to the first of them. */
function withOneEnd(logits: MxArray, rows: number, endTokens: readonly number[]): MxArray {
  const ends = [...new Set(endTokens)];
  if (ends.length < 2) return logits;
  const places = mx.array(
    Int32Array.from({ length: rows * ends.length }, (_, i) => ends[i % ends.length] ?? 0),
    [rows, ends.length],
  );
  const total = mx.logsumexp(mx.takeAlongAxis(logits, places, 1), 1, true);
  const none = mx.putAlongAxis(logits, places, mx.array(-Infinity), 1);
  return mx.putAlongAxis(none, mx.slice(places, [0, 0], [rows, 1]), total, 1);
}

function decodedTokens(sequence: ReturnType<Search['leading']>): DecodedTokens['found'] {
  return (sequence?.tokens ?? []).map((id, i) => ({
    id,
    probability: Math.exp(sequence?.logprobs[i] ?? 0),
  }));
}
