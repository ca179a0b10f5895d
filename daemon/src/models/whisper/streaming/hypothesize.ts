/** Greedy decoding after the committed text of a window, with the last hypothesis as a draft. */
import type { VoiceEvidence } from '#daemon/audio/vad/index.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '#daemon/async.js';
import { type DecodeContext, prepareInput, tokenRow } from '../decode/decode.js';
import { isSilent, REFERENCE_THRESHOLDS } from '../decode/quality.js';
import { isRepeating } from '../../streaming/repetition.js';
import type { EncodedWindow } from '../encode/encode.js';

export interface HypothesisInput {
  /** Tokens of the text before the window. */
  readonly prompt: readonly number[];
  /** Committed tokens of the window. */
  readonly committed: readonly number[];
  /** The last hypothesis: kept as far as the model agrees. Verifying it costs one pass, not one for each token. */
  readonly draft: readonly number[];
  /** Limit for the tokens after the committed ones. */
  readonly maxTokens: number;
}

export interface RawHypothesis {
  /** Tokens after the committed ones, without the end-of-text. */
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  /** Whether the model sampled the end-of-text. */
  readonly ended: boolean;
  readonly noSpeechProb: number;
  /** Draft tokens that the model agreed with. */
  readonly accepted: number;
}

/** Mean natural-log probability; an end-of-text after the tokens counts as certain. */
export function meanLogprob(logprobs: readonly number[]): number {
  return logprobs.reduce((sum, logprob) => sum + logprob, 0) / (logprobs.length + 1);
}

/** Whether a hypothesis without committed text is noise: neither the model nor the VAD is certain of speech. */
export function isNoise(
  { logprobs, noSpeechProb }: Pick<RawHypothesis, 'logprobs' | 'noSpeechProb'>,
  committed: readonly number[],
  evidence: VoiceEvidence | undefined,
): boolean {
  if (committed.length > 0) return false;
  const quality = { avgLogprob: meanLogprob(logprobs), noSpeechProb, compressionRatio: 1 };
  return isSilent(quality, REFERENCE_THRESHOLDS, evidence);
}

/**
 * End-of-text may come first, so that audio without new speech adds no text.
 *
 * @param context with filters that sample no timestamps
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
  const decoderInput = prepareInput({ ...context, prefix: committed }, prompt);
  const room = Math.min(maxTokens, model.config.nTextCtx - decoderInput.initial.length - 1);
  const tried = draft.slice(0, Math.max(0, room));
  for (const cache of caches) cache.reset();

  const first = decoderInput.initial.length - 1;
  const verifiedArrays = mx.tidy(() => {
    const inputTokens = tokenRow([...decoderInput.initial, ...tried]);
    const hidden = model.decoder.forward(inputTokens, caches, window.crossKeysValues); // [1, T, D]
    const places = [
      decoderInput.startOfTranscriptIndex,
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
  let bestTokens: number[];
  let bestLogprobs: number[];
  let noSpeechProb: number;
  try {
    await mx.ready(...verifiedArrays);
    await yieldToEventLoop(signal);
    [bestTokens, bestLogprobs] = [verifiedArrays[0], verifiedArrays[1]].map((array) =>
      Array.from(array.toTypedArray(), Number),
    ) as [number[], number[]];
    noSpeechProb = Number(verifiedArrays[2].item());
  } finally {
    mx.dispose(verifiedArrays);
  }

  let accepted = 0;
  while (accepted < tried.length && bestTokens[accepted] === tried[accepted]) accepted++;
  for (const cache of caches) cache.trim(tried.length - accepted);
  const tokens = tried.slice(0, accepted);
  const logprobs = bestLogprobs.slice(0, accepted);
  const next = bestTokens[accepted] ?? endOfText;
  if (next === endOfText) return { tokens, logprobs, ended: true, noSpeechProb, accepted };
  if (tokens.length >= room) return { tokens, logprobs, ended: false, noSpeechProb, accepted };
  tokens.push(next);
  logprobs.push(bestLogprobs[accepted] ?? 0);
  const ended = await continueGreedy(context, window, tokens, logprobs, { committed, room }, signal);
  return { tokens, logprobs, ended, noSpeechProb, accepted };
}

/** Continues after the last of `tokens`, which is not in the caches yet, and appends to both lists. @returns whether the text ended */
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
  const firstToken = mx.array(Int32Array.of(tokens.at(-1) ?? 0));
  let step: nn.SampledTokens | undefined = after(firstToken);
  let next: nn.SampledTokens | undefined;
  try {
    mx.asyncEval(...step);
    while (step !== undefined) {
      // The next step is queued before this one is read, so the device never waits for JavaScript.
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
    mx.dispose([firstToken]);
    for (const leftover of [step, next]) if (leftover !== undefined) mx.dispose(leftover);
  }
}
