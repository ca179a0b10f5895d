/** Decoding of one window with several sequences side by side: beam search, and the best of several draws. */
import type { TranscribeEvent } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';

import { turn } from './cancel.js';
import { type DecodeContext, type DecodeResult, firstOf, opening, prefill, resultOf } from './decode.js';
import type { EncodedWindow } from './encode.js';
import type { Search, Sequence } from './search.js';

/**
 * As `decodeWindow`, for any search. Each token costs a wait: which sequences go on is decided on the host, from the
 * log-probabilities of all tokens. The window's keys and values are there once for all sequences.
 */
export async function* decodeSideBySide(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  temperature: number,
  search: Search,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, DecodeResult> {
  const { model, tokenizer, caches, filters } = context;
  const { nTextCtx, nVocab } = model.config;
  const begin = opening(context, prompt);
  const { initial, maxSampled, prefix } = begin;
  for (const cache of caches) cache.reset();
  let resumed = performance.now();
  let spentMs = 0;
  let shown = '';

  const begun = prefill(context, window, begin);
  let noSpeechProb: number;
  let rows: number[];
  try {
    const first = mx.tidy(() => logprobsOf(firstOf(filters, begun.logits, begin)));
    mx.asyncEval(begun.noSpeechProb);
    rows = search.step(await hostRows(first, signal));
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
    if (rows.length !== (caches[0]?.batch ?? 0) || rows.some((row, i) => row !== i)) {
      for (const cache of caches) cache.reorder(rows);
    }
    const step = mx.tidy(() => {
      const hidden = model.decoder.forward(lastTokens(search.live), caches, window.crossKeysValues); // [N, 1, D]
      const logits = mx.reshape(model.decoder.logits(hidden), [rows.length, nVocab]);
      return logprobsOf(
        filters.later(logits, filters.stateOf(search.live.map(({ tokens }) => [...prefix, ...tokens]))),
      );
    });
    rows = search.step(await hostRows(step, signal));
  }
  return resultOf(context, {
    ...search.best(),
    noSpeechProb,
    temperature,
    seconds: (spentMs + performance.now() - resumed) / 1000,
  });
}

/** Logits [N, V] → log-probabilities */
export function logprobsOf(logits: MxArray): MxArray {
  return mx.subtract(logits, mx.logsumexp(logits, -1, true));
}

/** The values of `array`, which is freed. */
export async function hostRows(array: MxArray, signal: AbortSignal): Promise<Float32Array> {
  try {
    await mx.ready(array);
    await turn(signal);
    return array.toTypedArray('float32');
  } finally {
    mx.dispose([array]);
  }
}

export function lastTokens(sequences: readonly Sequence[]): MxArray {
  return mx.array(
    Int32Array.from(sequences, ({ tokens }) => tokens.at(-1) ?? 0),
    [sequences.length, 1],
  );
}
