/** What the model makes of a window whose text is begun: greedy, with the last hypothesis as a draft. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '../cancellation.js';
import { type DecodeContext, opening, tokenRow } from '../decode/decode.js';
import { isRepeating } from '../../streaming/repetition.js';
import type { EncodedWindow } from '../encode/encode.js';

export interface HypothesisInput {
  /** Tokens of what was said before the window. */
  readonly prompt: readonly number[];
  /** Tokens of the window that are certain. */
  readonly committed: readonly number[];
  /** What may follow them: taken as far as the model says the same. Costs one pass, not one for each token. */
  readonly draft: readonly number[];
  /** The most that is said behind the committed tokens. */
  readonly maxTokens: number;
}

export interface RawHypothesis {
  /** Behind the committed ones, without the end-of-text. */
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  /** Whether the model says that nothing follows. */
  readonly ended: boolean;
  readonly noSpeechProb: number;
  /** Tokens of the draft that were right. */
  readonly accepted: number;
}

/**
 * End-of-text may come at once: where nothing new was said, nothing is made up.
 *
 * @param context whose filters sample no timestamps
 * @throws SottoError CANCELLED within one token
 */
export async function hypothesize(
  context: DecodeContext,
  window: EncodedWindow,
  { prompt, committed, draft, maxTokens }: HypothesisInput,
  signal: AbortSignal,
): Promise<RawHypothesis> {
  const { model, tokenizer, caches, filters } = context;
  const { endOfText } = tokenizer.special;
  const begin = opening({ ...context, prefix: committed }, prompt);
  const room = Math.min(maxTokens, model.config.nTextCtx - begin.initial.length - 1);
  const tried = draft.slice(0, Math.max(0, room));
  for (const cache of caches) cache.reset();

  const first = begin.initial.length - 1;
  const verified = mx.tidy(() => {
    const given = tokenRow([...begin.initial, ...tried]);
    const hidden = model.decoder.forward(given, caches, window.crossKeysValues); // [1, T, D]
    const places = [
      begin.startOfTranscriptIndex,
      ...Array.from({ length: tried.length + 1 }, (_, i) => first + i),
    ];
    const selected = mx.take(hidden, mx.array(Int32Array.from(places)), 1);
    const { nVocab } = model.config;
    const logits = mx.reshape(model.decoder.logits(selected), [places.length, nVocab]);
    const start = mx.softmax(mx.slice(logits, [0, 0], [1, nVocab]), -1);
    const { noSpeech } = tokenizer.special;
    const silence = mx.slice(start, [0, noSpeech], [1, noSpeech + 1]);
    const follow = mx.contiguous(mx.slice(logits, [1, 0], [places.length, nVocab]));
    return [...nn.argmax(filters.later(follow, undefined)), silence] as const;
  });
  let likely: number[];
  let logprobOf: number[];
  let noSpeechProb: number;
  try {
    await mx.ready(...verified);
    await yieldToEventLoop(signal);
    [likely, logprobOf] = [verified[0], verified[1]].map((array) =>
      Array.from(array.toTypedArray(), Number),
    ) as [number[], number[]];
    noSpeechProb = Number(verified[2].item());
  } finally {
    mx.dispose(verified);
  }

  let accepted = 0;
  while (accepted < tried.length && likely[accepted] === tried[accepted]) accepted++;
  for (const cache of caches) cache.trim(tried.length - accepted);
  const tokens = tried.slice(0, accepted);
  const logprobs = logprobOf.slice(0, accepted);
  const next = likely[accepted] ?? endOfText;
  if (next === endOfText) return { tokens, logprobs, ended: true, noSpeechProb, accepted };
  if (tokens.length >= room) return { tokens, logprobs, ended: false, noSpeechProb, accepted };
  tokens.push(next);
  logprobs.push(logprobOf[accepted] ?? 0);
  const ended = await continueGreedy(context, window, tokens, logprobs, { committed, room }, signal);
  return { tokens, logprobs, ended, noSpeechProb, accepted };
}

/** Greedy from the last of `tokens`, which is not in the caches yet, into both lists. @returns whether it came to an end */
async function continueGreedy(
  { model, tokenizer, caches, filters }: DecodeContext,
  window: EncodedWindow,
  tokens: number[],
  logprobs: number[],
  { committed, room }: { readonly committed: readonly number[]; readonly room: number },
  signal: AbortSignal,
): Promise<boolean> {
  const { nVocab } = model.config;
  const after = (token: MxArray): nn.SampledTokens =>
    mx.tidy(() => {
      const hidden = model.decoder.forward(mx.reshape(token, [1, 1]), caches, window.crossKeysValues);
      const logits = mx.reshape(model.decoder.logits(hidden), [1, nVocab]);
      const chosen = filters.choose(logits, undefined);
      return [chosen.token, chosen.logprob];
    });
  const begun = mx.array(Int32Array.of(tokens.at(-1) ?? 0));
  let step: nn.SampledTokens | undefined = after(begun);
  let next: nn.SampledTokens | undefined;
  try {
    mx.asyncEval(...step);
    while (step !== undefined) {
      // The step after it is queued before it is read, so the device never waits for JavaScript.
      if (tokens.length + 1 < room) {
        next = after(step[0]);
        mx.asyncEval(...next);
      }
      await mx.ready(...step);
      await yieldToEventLoop(signal);
      const token = Number(step[0].item());
      const logprob = Number(step[1].item());
      mx.dispose(step);
      [step, next] = [next, undefined];
      if (token === tokenizer.special.endOfText) return true;
      tokens.push(token);
      logprobs.push(logprob);
      if (isRepeating(committed, tokens)) return false;
    }
    return false;
  } finally {
    mx.dispose([begun]);
    for (const left of [step, next]) if (left !== undefined) mx.dispose(left);
  }
}
