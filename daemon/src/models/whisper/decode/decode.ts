/** Decodes one 30 s window: from audio features to tokens. */
import { deflateSync } from 'node:zlib';

import type { VoiceEvidence } from '#daemon/audio/vad/index.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '#daemon/async.js';
import type { EncodedWindow } from '../encode/encode.js';
import type { Hotwords } from '../../hotwords/hotword-trie.js';
import type { LogitFilters, TimestampState } from './logit-filters.js';
import type { LoopGuard } from './loops.js';
import type { Whisper } from '../model.js';
import type { WhisperTokenizer } from '../tokenizer.js';
import type { WhisperEvent } from '../whisper-options.js';

/** What decoding needs besides the window; made once per transcription. */
export interface DecodeContext {
  readonly model: Whisper;
  readonly tokenizer: WhisperTokenizer;
  readonly filters: LogitFilters;
  /** One per decoder block, reused for every window. */
  readonly caches: readonly nn.SelfAttentionCache[];
  /** `<|startoftranscript|>` and the tokens up to the first sampled one. */
  readonly startSequence: readonly number[];
  /** Seed for sampling at temperatures above 0. */
  readonly seed: number;
  /** Maximum tokens per window; at most, and by default, half of the decoder's context. */
  readonly maxTokens?: number | undefined;
  /** Beam search or best-of sampling; greedy by default. */
  readonly search?: DecodeSearchOptions;
  /** Tokens that the window's text starts with, including its first timestamp. */
  readonly prefix?: readonly number[] | undefined;
  /** Names and words that the speech is likely to contain. */
  readonly hotwords?: Hotwords | undefined;
  /** Stops a text that loops. */
  readonly loops?: LoopGuard | undefined;
  /** Evidence of speech from the VAD; undefined without VAD. */
  readonly evidence?: VoiceEvidence | undefined;
}

export interface DecodeSearchOptions {
  /** Beams at temperature 0; 1, the default, is greedy. */
  readonly beamSize?: number | undefined;
  /** Beams that decode a doubtful greedy text again; none do if undefined. */
  readonly secondBeamSize?: number | undefined;
  readonly patience?: number | undefined;
  /** See `BeamOptions`. */
  readonly earlyStopping?: boolean | undefined;
  readonly lengthPenalty?: number | undefined;
  /** Sequences sampled at temperatures above 0; the most probable one wins. */
  readonly bestOf?: number | undefined;
  /** Size of the n-grams that must not repeat. */
  readonly noRepeatNgram?: number | undefined;
}

export interface DecodeResult {
  /** The prefix and the sampled tokens, without the end-of-text. */
  readonly tokens: number[];
  /** Natural-log probability of each token; 0 for those of the prefix. */
  readonly logprobs: number[];
  readonly text: string;
  /** Mean over the sampled tokens and the end-of-text. */
  readonly avgLogprob: number;
  readonly noSpeechProb: number;
  readonly compressionRatio: number;
  readonly temperature: number;
  /** Wall time of all attempts, without the time that the consumer of the events took. */
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
 * The step for a token is queued before the previous token is read, so the device never waits for JavaScript; the price is
 * one superfluous step at the end. Each token costs one wait and one read.
 *
 * @param prompt tokens of the preceding text; the last 223 count
 */
export async function* decodeWindow(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  temperature: number,
  signal: AbortSignal,
): AsyncGenerator<WhisperEvent, DecodeResult> {
  const { model, tokenizer, caches } = context;
  const { nTextCtx } = model.config;
  const { endOfText } = tokenizer.special;
  const decoderInput = prepareInput(context, prompt);
  const { initial, maxSampled, prefix } = decoderInput;
  for (const cache of caches) cache.reset();

  let resumedAtMs = performance.now();
  let activeMs = 0;
  const tokens: number[] = [];
  const logprobs: number[] = [];
  const textStream = tokenizer.textStream();
  let text = prefix.map((token) => textStream.push(token)).join('');
  let sumLogprob = 0;
  const prefilled = firstStep(context, window, decoderInput, temperature);
  let step: Step | undefined = prefilled.step;
  let next: Step | undefined;
  try {
    mx.asyncEval(step.token, step.logprob, prefilled.noSpeechProb);
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
        activeMs += performance.now() - resumedAtMs;
        yield { type: 'text', text };
        resumedAtMs = performance.now();
      }
    }
    return resultOf(context, {
      tokens,
      logprobs,
      sumLogprob,
      noSpeechProb: Number(prefilled.noSpeechProb.item()),
      temperature,
      seconds: (activeMs + performance.now() - resumedAtMs) / 1000,
    });
  } finally {
    mx.dispose([prefilled.noSpeechProb]);
    for (const leftover of [step, next]) if (leftover !== undefined) disposeStep(leftover);
  }
}

interface DecoderInput {
  /** All tokens given to the decoder before it samples. */
  readonly initial: readonly number[];
  readonly startOfTranscriptIndex: number;
  /** The tokens at the end of `initial` that are text of the window. */
  readonly prefix: readonly number[];
  readonly maxSampled: number;
}

/** @param prompt tokens of the preceding text; the last 223 count */
export function prepareInput(context: DecodeContext, prompt: readonly number[]): DecoderInput {
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
  /** Only the sampled ones. */
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  /** Of the sampled tokens and the end-of-text. */
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
  begin: DecoderInput,
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

/** Logits [1, V] of the first sampled position → the same with disallowed tokens at -∞. */
export function filterFirst(filters: LogitFilters, logits: MxArray, { prefix }: DecoderInput): MxArray {
  return prefix.length === 0 ? filters.first(logits) : filters.later(logits, filters.stateOf([prefix]));
}

/**
 * Runs the initial tokens through the decoder: unfiltered logits of the first sampled position [R, V], and the no-speech
 * probability [R, 1].
 *
 * @param rows the initial tokens of each window of a batch, all of one length
 */
export function prefill(
  { model, tokenizer, caches }: DecodeContext,
  { crossKeysValues }: EncodedWindow,
  { initial, startOfTranscriptIndex }: DecoderInput,
  rows: readonly (readonly number[])[] = [initial],
): { logits: MxArray; noSpeechProb: MxArray } {
  const { noSpeech } = tokenizer.special;
  return mx.tidy(() => {
    const inputTokens = mx.array(Int32Array.from(rows.flat()), [rows.length, initial.length]);
    const hidden = model.decoder.forward(inputTokens, caches, crossKeysValues); // [R, T, D]
    // Only two positions matter: the last, and the one that predicts no speech.
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
  previous: Step,
  temperature: number,
  index: number,
): Step {
  const { model, filters, caches } = context;
  return mx.tidy(() => {
    const hidden = model.decoder.forward(mx.reshape(previous.token, [1, 1]), caches, crossKeysValues); // [1, 1, D]
    const logits = mx.reshape(model.decoder.logits(hidden), [1, model.config.nVocab]);
    if (temperature === 0) return filters.choose(logits, previous.state);
    return sample(context, filters.later(logits, previous.state), previous.state, temperature, index);
  });
}

/** Filtered logits [1, V] → a token: the argmax at temperature 0, else a sample at the temperature. */
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

/** Size of a text over its compressed size; repetitive text compresses too well. */
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
