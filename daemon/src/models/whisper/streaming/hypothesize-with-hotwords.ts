/** As `hypothesize`, listening for given words with the search that is used for files. */
import { mx, type MxArray } from '#native/index.js';

import { type DecodeContext, opening, tokenRow } from '../decode/decode.js';
import type { EncodedWindow } from '../encode/encode.js';
import { HotwordSearch } from '../hotwords/hotword-search.js';
import type { Hotwords } from '../hotwords/hotwords.js';
import { SearchSteps } from '../search/search-steps.js';
import { isRepeating } from '../../streaming/repetition.js';
import type { HypothesisInput, RawHypothesis } from './hypothesize.js';

/**
 * Where none of the words is in the offing it says what `hypothesize` says, at nearly the same price: the draft is checked in
 * one pass, as long as the search has that alone.
 *
 * @param context whose filters sample no timestamps
 * @param onDevice see `SearchSteps`
 * @throws SottoError CANCELLED within one token
 */
export async function hypothesizeWithHotwords(
  context: DecodeContext & { readonly hotwords: Hotwords },
  window: EncodedWindow,
  { prompt, committed, draft, maxTokens }: HypothesisInput,
  signal: AbortSignal,
  onDevice?: boolean,
): Promise<RawHypothesis> {
  const { model, tokenizer, caches, hotwords } = context;
  const { endOfText } = tokenizer.special;
  const { nTextCtx, nVocab: vocabulary } = model.config;
  const begin = opening({ ...context, prefix: committed }, prompt);
  const room = Math.min(maxTokens, nTextCtx - begin.initial.length - 1);
  const tried = draft.slice(0, Math.max(0, room));
  for (const cache of caches) cache.reset();
  const search = new HotwordSearch({ endOfText, vocabulary, beamSize: 1, hotwords, behind: committed });

  const first = begin.initial.length - 1;
  const { known, silence } = verifyDraft(context, window, begin, first, tried);
  const steps = new SearchSteps(context, window, search, onDevice);
  let noSpeechProb: number;
  let accepted = 0;
  let from: number[];
  try {
    mx.asyncEval(silence);
    const take = await steps.readCandidates(known, signal);
    await mx.ready(silence);
    noSpeechProb = Number(silence.item());
    from = take(0);
    while (accepted < tried.length && search.live.length === 1) {
      if (search.live[0]?.tokens[accepted] !== tried[accepted]) break;
      from = take(++accepted);
    }
    for (const cache of caches) cache.trim(tried.length - accepted);

    while (from.length > 0 && (search.live[0]?.tokens.length ?? room) < room) {
      if (isRepeating(committed, search.leading()?.tokens ?? [])) break;
      from = await steps.next(from, signal);
    }
  } finally {
    steps.dispose();
    mx.dispose([known, silence]);
  }
  const { tokens, logprobs } = search.best();
  return { tokens, logprobs, ended: from.length === 0, noSpeechProb, accepted };
}

/** What may follow the initial tokens, and each of those that are tried behind them [T + 1, V]; whether nobody speaks [1, 1]. */
function verifyDraft(
  { model, tokenizer, caches, filters }: DecodeContext,
  window: EncodedWindow,
  { initial, startOfTranscriptIndex }: ReturnType<typeof opening>,
  first: number,
  tried: readonly number[],
): { known: MxArray; silence: MxArray } {
  const { nVocab } = model.config;
  const { noSpeech } = tokenizer.special;
  return mx.tidy(() => {
    const given = tokenRow([...initial, ...tried]);
    const hidden = model.decoder.forward(given, caches, window.crossKeysValues); // [1, T, D]
    const places = [startOfTranscriptIndex, ...Array.from({ length: tried.length + 1 }, (_, i) => first + i)];
    const selected = mx.take(hidden, mx.array(Int32Array.from(places)), 1);
    const logits = mx.reshape(model.decoder.logits(selected), [places.length, nVocab]);
    const start = mx.softmax(mx.slice(logits, [0, 0], [1, nVocab]), -1);
    const follow = mx.contiguous(mx.slice(logits, [1, 0], [places.length, nVocab]));
    return {
      known: mx.contiguous(filters.logprobs(follow, undefined)),
      silence: mx.contiguous(mx.slice(start, [0, noSpeech], [1, noSpeech + 1])),
    };
  });
}
