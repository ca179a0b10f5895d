/** `hypothesize` with hotwords, by the search that is used for files. */
import { mx, type MxArray } from '#native/index.js';

import { type DecodeContext, prepareInput, tokenRow } from '../decode/decode.js';
import type { EncodedWindow } from '../encode/encode.js';
import { HotwordSearch } from '../../hotwords/hotword-search.js';
import type { Hotwords } from '../../hotwords/hotword-trie.js';
import type { SearchMode } from '../../search/search-steps.js';
import { whisperSteps } from '../search/whisper-steps.js';
import { isRepeating } from '../../streaming/repetition.js';
import type { HypothesisInput, RawHypothesis } from './hypothesize.js';

/**
 * Without a matching hotword it gives the result of `hypothesize` at nearly the same cost: the draft is verified in one
 * pass while the search has no other sequence.
 *
 * @param context with filters that sample no timestamps
 * @throws SottoError CANCELLED within one token
 */
export async function hypothesizeWithHotwords(
  context: DecodeContext & { readonly hotwords: Hotwords },
  window: EncodedWindow,
  { prompt, committed, draft, maxTokens }: HypothesisInput,
  signal: AbortSignal,
  mode?: SearchMode,
): Promise<RawHypothesis> {
  const { model, tokenizer, caches, hotwords } = context;
  const { endOfText } = tokenizer.special;
  const { nTextCtx, nVocab: vocabulary } = model.config;
  const decoderInput = prepareInput({ ...context, prefix: committed }, prompt);
  const room = Math.min(maxTokens, nTextCtx - decoderInput.initial.length - 1);
  const tried = draft.slice(0, Math.max(0, room));
  for (const cache of caches) cache.reset();
  const search = new HotwordSearch({
    endOfText,
    vocabulary,
    beamSize: 1,
    hotwords,
    precedingTokens: committed,
  });

  const first = decoderInput.initial.length - 1;
  const { draftLogits, silence: noSpeech } = verifyDraft(context, window, decoderInput, first, tried);
  const steps = whisperSteps(context, window, search, mode);
  let noSpeechProb: number;
  let accepted = 0;
  let from: number[];
  try {
    mx.asyncEval(noSpeech);
    const advance = await steps.readCandidates(draftLogits, signal);
    await mx.ready(noSpeech);
    noSpeechProb = Number(noSpeech.item());
    from = advance(0);
    while (accepted < tried.length && search.live.length === 1) {
      if (search.live[0]?.tokens[accepted] !== tried[accepted]) break;
      from = advance(++accepted);
    }
    for (const cache of caches) cache.trim(tried.length - accepted);

    while (from.length > 0 && (search.live[0]?.tokens.length ?? room) < room) {
      if (isRepeating(committed, search.leading()?.tokens ?? [])) break;
      from = await steps.next(from, signal);
    }
  } finally {
    steps.dispose();
    mx.dispose([draftLogits, noSpeech]);
  }
  const { tokens, logprobs } = search.best();
  return { tokens, logprobs, ended: from.length === 0, noSpeechProb, accepted };
}

/** Filtered logits after the initial tokens and after each draft token [T + 1, V], and the no-speech probability [1, 1]. */
function verifyDraft(
  { model, tokenizer, caches, filters }: DecodeContext,
  window: EncodedWindow,
  { initial, startOfTranscriptIndex }: ReturnType<typeof prepareInput>,
  first: number,
  tried: readonly number[],
): { draftLogits: MxArray; silence: MxArray } {
  const { nVocab } = model.config;
  const { noSpeech } = tokenizer.special;
  return mx.tidy(() => {
    const inputTokens = tokenRow([...initial, ...tried]);
    const hidden = model.decoder.forward(inputTokens, caches, window.crossKeysValues); // [1, T, D]
    const places = [startOfTranscriptIndex, ...Array.from({ length: tried.length + 1 }, (_, i) => first + i)];
    const selected = mx.take(hidden, mx.array(Int32Array.from(places)), 1);
    const logits = mx.reshape(model.decoder.logits(selected), [places.length, nVocab]);
    const start = mx.softmax(mx.slice(logits, [0, 0], [1, nVocab]), -1);
    const follow = mx.contiguous(mx.slice(logits, [1, 0], [places.length, nVocab]));
    return {
      draftLogits: mx.contiguous(filters.allowed(follow, undefined)),
      silence: mx.contiguous(mx.slice(start, [0, noSpeech], [1, noSpeech + 1])),
    };
  });
}
