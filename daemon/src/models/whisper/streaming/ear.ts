/** The model as a live session uses it: a window of audio in, what it makes of it out. Remembers nothing. */
import type { LiveMel } from '#daemon/audio/mel-live.js';
import { FRAMES_PER_SECOND } from '#daemon/audio/mel.js';
import { mx } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import { placeTokens, type TokenPlaces } from '../alignment.js';
import { makeCaches } from '../decode.js';
import { encode, type EncodedWindow } from '../encode.js';
import type { Hotwords } from '../hotwords.js';
import { detectLanguage } from '../language.js';
import { LogitFilters } from '../logit-filters.js';
import { loopAtEnd } from '../loops.js';
import { type WindowLength, windowFrames } from '../short-window.js';
import type { WhisperParts } from '../transcription.js';
import { type Guess, hypothesize } from './hypothesize.js';
import { hypothesizeListening } from './hypothesize-listening.js';

/** Nobody speaks faster. */
const TOKENS_PER_SECOND = 8;
const TOKENS_MORE = 6;

/** What is asked of a window. */
export interface Question {
  readonly language: string;
  /** Mel frames of the window that are audio. */
  readonly audioFrames: number;
  /** Tokens of what was said before the window, those of it that are certain, and what may follow them. */
  readonly prompt: readonly number[];
  readonly committed: readonly number[];
  readonly draft: readonly number[];
}

export interface Answer {
  readonly guess: Guess;
  /** Of the committed tokens and of the guess behind them. */
  readonly places: TokenPlaces;
}

export class Ear {
  readonly #parts: WhisperParts;
  readonly #length: WindowLength;
  readonly #caches: readonly nn.SelfAttentionCache[];
  readonly #filters: LogitFilters;

  readonly #hotwords: Hotwords | undefined;

  /** @param hotwords that it listens for */
  constructor(parts: WhisperParts, length: WindowLength, hotwords?: Hotwords) {
    this.#parts = parts;
    this.#length = length;
    this.#hotwords = hotwords;
    this.#caches = makeCaches(parts.model);
    this.#filters = new LogitFilters(parts.tokenizer, parts.model.config, { timestamps: false });
  }

  /** Mel frames that are encoded for so many of audio. */
  windowFrames(audioFrames: number): number {
    return windowFrames(audioFrames, this.#length);
  }

  /** @throws SottoError CANCELLED, ENGINE_CRASHED */
  hear(mel: LiveMel, start: number, audioFrames: number, signal: AbortSignal): Promise<EncodedWindow> {
    const { model } = this.#parts;
    const length = this.windowFrames(audioFrames);
    const window = mel.window(start, length);
    return encode(
      model,
      mx.tidy(() => mx.array(window, [1, length, model.config.nMels]).astype(model.dtype)),
      signal,
    );
  }

  async languageOf(window: EncodedWindow): Promise<string> {
    const { model, tokenizer } = this.#parts;
    return (await detectLanguage(model, tokenizer, window, this.#caches)).language;
  }

  /** @throws SottoError CANCELLED within one token */
  async ask(window: EncodedWindow, question: Question, signal: AbortSignal): Promise<Answer> {
    const { model, tokenizer } = this.#parts;
    const { language, audioFrames, prompt, committed, draft } = question;
    const startSequence = tokenizer.startSequence(language, 'transcribe', false);
    const sayable = Math.ceil((audioFrames / FRAMES_PER_SECOND) * TOKENS_PER_SECOND) + TOKENS_MORE;
    const context = {
      model,
      tokenizer,
      caches: this.#caches,
      filters: this.#filters,
      startSequence,
      seed: 0,
    };
    const begun = { prompt, committed, draft, mostTokens: Math.max(1, sayable - committed.length) };
    const heard =
      this.#hotwords === undefined
        ? await hypothesize(context, window, begun, signal)
        : await hypothesizeListening({ ...context, hotwords: this.#hotwords }, window, begun, signal);
    const guess = withoutLoop(heard, committed, tokenizer.special.endOfText);
    const all = [...committed, ...guess.tokens];
    const places = await placeTokens(this.#parts, window, all, { startSequence, audioFrames }, signal);
    return { guess, places };
  }

  dispose(): void {
    this.#filters.dispose();
    for (const cache of this.#caches) cache.dispose();
  }
}

/** A guess with what it says in a loop said once. */
function withoutLoop(guess: Guess, committed: readonly number[], endOfText: number): Guess {
  const loop = loopAtEnd([...committed, ...guess.tokens], endOfText);
  if (loop === undefined) return guess;
  const kept = Math.max(0, loop.firstEnd - committed.length);
  return {
    ...guess,
    tokens: guess.tokens.slice(0, kept),
    logprobs: guess.logprobs.slice(0, kept),
    ended: false,
  };
}
