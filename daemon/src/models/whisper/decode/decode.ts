/** Decoding of one 30 s window: from audio features to tokens. */
import { deflateSync } from 'node:zlib';

import type { VoiceEvidence } from '#daemon/audio/vad/index.js';
import type { TranscribeEvent } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '../cancellation.js';
import type { EncodedWindow } from '../encode/encode.js';
import type { Hotwords } from '../hotwords/hotwords.js';
import type { LogitFilters, TimestampState } from './logit-filters.js';
import type { LoopGuard } from './loops.js';
import type { Whisper } from '../model.js';
import type { WhisperTokenizer } from '../tokenizer.js';

/** What decoding needs beside the window: made once for a transcription. */
export interface DecodeContext {
  readonly model: Whisper;
  readonly tokenizer: WhisperTokenizer;
  readonly filters: LogitFilters;
  /** One for each decoder block, used again for every window. */
  readonly caches: readonly nn.SelfAttentionCache[];
  /** `<|startoftranscript|>` and what follows it up to the first sampled token. */
  readonly startSequence: readonly number[];
  /** Seed of the sampling at temperatures above 0. */
  readonly seed: number;
  /** Tokens that a window may have at most; half of the decoder's context if left out or more. */
  readonly maxTokens?: number | undefined;
  /** How many sequences are decoded side by side, and which of them is taken; one, if left out. */
  readonly search?: SearchOptions;
  /** Tokens that the window's text begins with, its first timestamp included; none, if left out. */
  readonly prefix?: readonly number[] | undefined;
  /** Names and words that are likely to be said; none, if left out. */
  readonly hotwords?: Hotwords | undefined;
  /** Who stops a text that runs in a loop; nobody, if left out. */
  readonly loops?: LoopGuard | undefined;
  /** How sure it is, before any decoding, that somebody speaks; undefined where nobody listened. */
  readonly evidence?: VoiceEvidence | undefined;
}

export interface SearchOptions {
  /** Sequences of the beam search at temperature 0; 1 is greedy. */
  readonly beamSize?: number | undefined;
  readonly patience?: number | undefined;
  readonly lengthPenalty?: number | undefined;
  /** Sequences drawn at temperatures above 0, of which the likeliest is taken. */
  readonly bestOf?: number | undefined;
  /** Runs of so many tokens are not said twice. */
  readonly noRepeatNgram?: number | undefined;
}

export interface DecodeResult {
  /** The prefix and what was sampled behind it, without the end-of-text. */
  readonly tokens: number[];
  /** Natural-log probability of each token; 0 for those of the prefix. */
  readonly logprobs: number[];
  readonly text: string;
  /** Mean over the sampled tokens and the end-of-text. */
  readonly avgLogprob: number;
  readonly noSpeechProb: number;
  readonly compressionRatio: number;
  readonly temperature: number;
  /** Wall time of the decoding, all tries together, without what the reader of the events took. */
  readonly seconds: number;
}

/** One sampled token, still on the device. */
interface Step {
  readonly token: MxArray; // [1]
  readonly logprob: MxArray; // [1]
  readonly state: TimestampState | undefined;
}

export function makeCaches(model: Whisper): nn.SelfAttentionCache[] {
  return model.decoder.blocks.map(() => nn.selfAttentionCache(model.config.nTextCtx));
}

/**
 * Samples the tokens of a window. Yields a text event with the whole text so far whenever it grows.
 *
 * The work for a token is queued before the token before it is read, so the device never waits for JavaScript; the
 * price is one step too many at the end. Each token costs one wait and one read.
 *
 * @param prompt tokens of what was said before; the last 223 count
 */
export async function* decodeWindow(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  temperature: number,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, DecodeResult> {
  const { model, tokenizer, caches } = context;
  const { nTextCtx } = model.config;
  const { endOfText } = tokenizer.special;
  const begin = opening(context, prompt);
  const { initial, maxSampled, prefix } = begin;
  for (const cache of caches) cache.reset();

  let resumed = performance.now();
  let spentMs = 0;
  const tokens: number[] = [];
  const logprobs: number[] = [];
  const textStream = tokenizer.textStream();
  let text = prefix.map((token) => textStream.push(token)).join('');
  let sumLogprob = 0;
  const begun = firstStep(context, window, begin, temperature);
  let step: Step | undefined = begun.step;
  let next: Step | undefined;
  try {
    mx.asyncEval(step.token, step.logprob, begun.noSpeechProb);
    while (step !== undefined) {
      const length = initial.length + tokens.length + 1;
      if (tokens.length + 1 < maxSampled && length <= nTextCtx) {
        next = nextStep(context, window, step, temperature, tokens.length + 1);
        mx.asyncEval(next.token, next.logprob);
      }
      await mx.ready(step.token, step.logprob);
      await yieldToEventLoop(signal);
      const token = Number(step.token.item());
      const logprob = Number(step.logprob.item());
      sumLogprob += logprob;
      disposeStep(step);
      [step, next] = [next, undefined];
      if (token === endOfText) break;
      tokens.push(token);
      logprobs.push(logprob);
      if (context.loops?.shouldStop(tokens) === true) break;
      const piece = textStream.push(token);
      if (piece !== '') {
        text += piece;
        spentMs += performance.now() - resumed;
        yield { type: 'text', text };
        resumed = performance.now();
      }
    }
    return resultOf(context, {
      tokens,
      logprobs,
      sumLogprob,
      noSpeechProb: Number(begun.noSpeechProb.item()),
      temperature,
      seconds: (spentMs + performance.now() - resumed) / 1000,
    });
  } finally {
    mx.dispose([begun.noSpeechProb]);
    for (const left of [step, next]) if (left !== undefined) disposeStep(left);
  }
}

export interface Opening {
  /** All tokens that the decoder is given before it samples. */
  readonly initial: readonly number[];
  readonly startOfTranscriptIndex: number;
  /** Those of `initial`, at its end, that are text of the window. */
  readonly prefix: readonly number[];
  readonly maxSampled: number;
}

/** @param prompt tokens of what was said before; the last 223 count */
export function opening(context: DecodeContext, prompt: readonly number[]): Opening {
  const half = Math.floor(context.model.config.nTextCtx / 2);
  const maxSampled = Math.min(half, context.maxTokens ?? half);
  const { startOfPrev } = context.tokenizer.special;
  const previous = prompt.length === 0 ? [] : [startOfPrev, ...prompt.slice(-(half - 1))];
  const { prefix = [] } = context;
  return {
    initial: [...previous, ...context.startSequence, ...prefix],
    startOfTranscriptIndex: previous.length,
    prefix,
    maxSampled,
  };
}

interface Decoded extends Pick<DecodeResult, 'noSpeechProb' | 'temperature' | 'seconds'> {
  /** Sampled ones. */
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  /** Of the tokens and the end-of-text. */
  readonly sumLogprob: number;
}

export function resultOf(
  { tokenizer, prefix = [] }: DecodeContext,
  { tokens, logprobs, sumLogprob, ...rest }: Decoded,
): DecodeResult {
  const all = [...prefix, ...tokens];
  const text = tokenizer.decode(all).trim();
  return {
    ...rest,
    tokens: all,
    logprobs: [...prefix.map(() => 0), ...logprobs],
    text,
    avgLogprob: sumLogprob / (tokens.length + 1),
    compressionRatio: compressionRatio(text),
  };
}

function firstStep(
  context: DecodeContext,
  window: EncodedWindow,
  begin: Opening,
  temperature: number,
): { step: Step; noSpeechProb: MxArray } {
  const { filters } = context;
  return mx.tidy(() => {
    const { logits, noSpeechProb } = prefill(context, window, begin);
    const state = begin.prefix.length > 0 ? filters.stateOf([begin.prefix]) : undefined;
    const step = sample(context, filterFirst(filters, logits, begin), state, temperature, 0);
    return { step, noSpeechProb };
  });
}

/** Logits [1, V] of the first sampled position → the same with what may not stand there at -∞. */
export function filterFirst(filters: LogitFilters, logits: MxArray, { prefix }: Opening): MxArray {
  return prefix.length === 0 ? filters.first(logits) : filters.later(logits, filters.stateOf([prefix]));
}

/**
 * The initial tokens through the decoder: what may come first [R, V], unfiltered, and whether anybody speaks [R, 1].
 *
 * @param rows the initial tokens of each window of a batch, all as many; those of `begin` if left out
 */
export function prefill(
  { model, tokenizer, caches }: DecodeContext,
  { crossKeysValues }: EncodedWindow,
  { initial, startOfTranscriptIndex }: Opening,
  rows: readonly (readonly number[])[] = [initial],
): { logits: MxArray; noSpeechProb: MxArray } {
  const { noSpeech } = tokenizer.special;
  return mx.tidy(() => {
    const given = mx.array(Int32Array.from(rows.flat()), [rows.length, initial.length]);
    const hidden = model.decoder.forward(given, caches, crossKeysValues); // [R, T, D]
    // Only two positions matter: the last, and the one where the model says whether anybody speaks at all.
    const logits = model.decoder.logits(
      mx.take(hidden, mx.array([startOfTranscriptIndex, initial.length - 1], [2], 'int32'), 1),
    ); // [R, 2, V]
    const { nVocab } = model.config;
    const at = (position: number): MxArray =>
      mx.reshape(mx.slice(logits, [0, position, 0], [rows.length, position + 1, nVocab]), [
        rows.length,
        nVocab,
      ]);
    const noSpeechProb = mx.slice(mx.softmax(at(0), -1), [0, noSpeech], [rows.length, noSpeech + 1]);
    return { logits: at(1), noSpeechProb };
  });
}

function nextStep(
  context: DecodeContext,
  { crossKeysValues }: EncodedWindow,
  before: Step,
  temperature: number,
  index: number,
): Step {
  const { model, filters, caches } = context;
  return mx.tidy(() => {
    const hidden = model.decoder.forward(mx.reshape(before.token, [1, 1]), caches, crossKeysValues); // [1, 1, D]
    const logits = mx.reshape(model.decoder.logits(hidden), [1, model.config.nVocab]);
    if (temperature === 0) return filters.choose(logits, before.state);
    return sample(context, filters.later(logits, before.state), before.state, temperature, index);
  });
}

/** Filtered logits [1, V] → a token: the likeliest at temperature 0, else a draw from the flattened distribution. */
function sample(
  { filters, seed }: DecodeContext,
  logits: MxArray,
  state: TimestampState | undefined,
  temperature: number,
  index: number,
): Step {
  const [token, logprob] =
    temperature === 0
      ? nn.argmax(logits)
      : nn.sample(logits, temperature, seed + Math.round(temperature * 1000) * 1000 + index);
  return { token, logprob, state: filters.follow(token, state) };
}

/** Bytes of a text over its bytes compressed: what repeats itself compresses too well. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length / deflateSync(bytes).length;
}

export function tokenRow(tokens: readonly number[]): MxArray {
  return mx.array(Int32Array.from(tokens), [1, tokens.length]);
}

function disposeStep({ token, logprob, state }: Step): void {
  mx.dispose([token, logprob]);
  if (state !== undefined) mx.dispose(state);
}
