/** Decoding of one window with several sequences side by side: beam search, and the best of several draws. */
import type { TranscribeEvent } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';

import {
  type DecodeContext,
  type DecodeResult,
  filterFirst,
  opening,
  prefill,
  resultOf,
} from '../decode/decode.js';
import type { EncodedWindow } from '../encode/encode.js';
import { logprobsOf } from '../decode/greedy-choice.js';
import type { Search } from './search.js';
import { SearchSteps } from './search-steps.js';

/**
 * As `decodeWindow`, for any search: which sequences continue is decided on the host, and each token costs a wait. On a GPU
 * the step behind that token is queued meanwhile (`SearchSteps`). The window's keys and values are there once for all sequences.
 *
 * @param onDevice see `SearchSteps`
 */
export async function* decodeWithSearch(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  temperature: number,
  search: Search,
  signal: AbortSignal,
  onDevice?: boolean,
): AsyncGenerator<TranscribeEvent, DecodeResult> {
  const { model, tokenizer, caches, filters } = context;
  const { nTextCtx } = model.config;
  const begin = opening(context, prompt);
  const { initial, maxSampled, prefix } = begin;
  for (const cache of caches) cache.reset();
  let resumed = performance.now();
  let spentMs = 0;
  let shown = '';

  const steps = new SearchSteps(context, window, search, onDevice);
  const begun = prefill(context, window, begin);
  let noSpeechProb: number;
  try {
    let rows: number[];
    try {
      const first = mx.tidy(() => logprobsOf(filterFirst(filters, begun.logits, begin)));
      mx.asyncEval(begun.noSpeechProb);
      rows = (await steps.readCandidates(first, signal))(0);
      await mx.ready(begun.noSpeechProb);
      noSpeechProb = Number(begun.noSpeechProb.item());
    } finally {
      mx.dispose([begun.logits, begun.noSpeechProb]);
    }
    for (let sampled = 1; rows.length > 0; sampled++) {
      const text = tokenizer.decode([...prefix, ...(search.leading()?.tokens ?? [])]);
      // A text of a beam may shrink or end inside a character: only whole progress is worth showing.
      if (text !== shown && !text.endsWith('\uFFFD')) {
        shown = text;
        spentMs += performance.now() - resumed;
        yield { type: 'text', text };
        resumed = performance.now();
      }
      if (sampled >= maxSampled || initial.length + sampled >= nTextCtx) break;
      rows = await steps.next(rows, signal);
    }
  } finally {
    steps.dispose();
  }
  return resultOf(context, {
    ...search.best(),
    noSpeechProb,
    temperature,
    seconds: (spentMs + performance.now() - resumed) / 1000,
  });
}
