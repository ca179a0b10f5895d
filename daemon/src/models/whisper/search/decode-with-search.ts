/** Decodes one window with several sequences in parallel: beam search and best-of sampling. */
import { mx } from '#native/index.js';

import {
  type DecodeContext,
  type DecodeResult,
  filterFirst,
  prepareInput,
  prefill,
  resultOf,
} from '../decode/decode.js';
import type { EncodedWindow } from '../encode/encode.js';
import type { SearchMode } from '../../search/search-steps.js';
import type { Search } from '../../search/search.js';
import { whisperSteps } from './whisper-steps.js';
import type { WhisperEvent } from '../whisper-options.js';

/**
 * `decodeWindow` for any search: the host decides which sequences continue, and each token costs a wait. On a GPU the next
 * step is queued meanwhile (`SearchSteps`). All sequences share the window's keys and values.
 */
export async function* decodeWithSearch(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  temperature: number,
  search: Search,
  signal: AbortSignal,
  mode?: SearchMode,
): AsyncGenerator<WhisperEvent, DecodeResult> {
  const { model, tokenizer, caches, filters } = context;
  const { nTextCtx } = model.config;
  const decoderInput = prepareInput(context, prompt);
  const { initial, maxSampled, prefix } = decoderInput;
  for (const cache of caches) cache.reset();
  let resumedAtMs = performance.now();
  let activeMs = 0;
  let shownText = '';

  const steps = whisperSteps(context, window, search, mode);
  const prefilled = prefill(context, window, decoderInput);
  let noSpeechProb: number;
  try {
    let rows: number[];
    try {
      const first = mx.tidy(() => filterFirst(filters, prefilled.logits, decoderInput));
      mx.asyncEval(prefilled.noSpeechProb);
      rows = (await steps.readCandidates(first, signal))(0);
      await mx.ready(prefilled.noSpeechProb);
      noSpeechProb = Number(prefilled.noSpeechProb.item());
    } finally {
      mx.dispose([prefilled.logits, prefilled.noSpeechProb]);
    }
    for (let sampled = 1; rows.length > 0; sampled++) {
      const text = tokenizer.decode([...prefix, ...(search.leading()?.tokens ?? [])]);
      // The text of a beam may shrink or end inside a character; such a text is not shown.
      if (text !== shownText && !text.endsWith('\uFFFD')) {
        shownText = text;
        activeMs += performance.now() - resumedAtMs;
        yield { type: 'text', text };
        resumedAtMs = performance.now();
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
    seconds: (activeMs + performance.now() - resumedAtMs) / 1000,
  });
}
