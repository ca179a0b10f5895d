/**
 * Whisper on speech that goes on. It hears a window of the last seconds, whose beginning moves on behind what is
 * committed, and is asked again and again what follows the committed text.
 */
import { LiveMel } from '#daemon/audio/mel-live.js';
import { FRAMES_PER_SECOND } from '#daemon/audio/mel.js';
import type { Word } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import type * as nn from '#native/nn/index.js';
import { readOnce } from '../../streaming/guards.js';
import type { Hypothesis } from '../../streaming/hypothesis.js';
import type {
  LiveCheckpoint,
  LiveSpeech,
  LiveSpeechOptions,
  LiveUpdate,
} from '../../streaming/live-speech.js';
import { tentativeCount } from '../../streaming/policy.js';

import { placeTokens } from '../alignment.js';
import { makeCaches } from '../decode.js';
import { disposeWindow, encode, type EncodedWindow } from '../encode.js';
import { isSilent, REFERENCE_THRESHOLDS } from '../judging.js';
import { detectLanguage } from '../language.js';
import { LogitFilters } from '../logit-filters.js';
import { loopAtEnd } from '../loops.js';
import { Prompt } from '../prompt.js';
import { toCentiseconds } from '../segments.js';
import { windowFrames } from '../short-window.js';
import type { WhisperParts } from '../transcription.js';
import { isSpaced } from '../words.js';
import { hypothesize, type Guess } from './hypothesize.js';
import { fromSampleOf, type LiveState, packState, unpackState } from './live-state.js';
import { LiveText } from './live-text.js';
import { LiveWords } from './live-words.js';
import { type LiveManner, mannerOf } from './manner.js';
import { Voice } from './voice.js';

export interface LiveOptions extends LiveSpeechOptions {
  /** What is left out is as for the model. */
  readonly manner?: Partial<LiveManner>;
  /** Told of each look, for who measures. */
  readonly onLook?: (look: LookReport) => void;
}

export interface LookReport {
  /** Seconds from the start of the session at which the window begins. */
  readonly startSeconds: number;
  readonly encodedFrames: number;
  readonly guess: Guess;
  readonly hypothesis: Hypothesis;
  readonly pieces: readonly string[];
  readonly starts: readonly number[];
  readonly committed: readonly number[];
}

/** Kept in front of speech that begins, in mel frames: its first sound is softer than what voice activity hears. */
const BEFORE_SPEECH_FRAMES = 50;
/** After this much silence what was said will not be said differently. */
const PAUSE_SECONDS = 0.3;
/** After this much it is a whole, and the window begins anew. */
const OVER_SECONDS = 1;
/** Speech that is long enough to be some. */
const LEAST_SECONDS = 0.2;
/** Speech that the language is detected from for good; before, every look asks anew. */
const LANGUAGE_SECONDS = 2;
/** Nobody speaks faster. */
const TOKENS_PER_SECOND = 8;
const TOKENS_MORE = 6;

export class LiveWhisper implements LiveSpeech {
  readonly #parts: WhisperParts;
  readonly #manner: LiveManner;
  readonly #onLook: LiveOptions['onLook'];
  readonly #mel: LiveMel;
  readonly #voice: Voice;
  /** The first samples that each of them has to hear. */
  readonly #melFrom: number;
  readonly #voiceFrom: number;
  readonly #caches: readonly nn.SelfAttentionCache[];
  readonly #filters: LogitFilters;
  readonly #prompt: Prompt;
  readonly #text: LiveText;
  /** Samples that were pushed, or need not be. */
  #pushed: number;
  #language: string | undefined;
  #languageIsSure: boolean;
  /** Mel frame at which the window begins. */
  #start: number;
  /** Where the audio ended at the last look. */
  #heardFrames: number;
  /** When the last committed word began: times never go back, though each look hears them a little differently. */
  #lastStart: number;

  /** @throws SottoError INVALID_ARGUMENT for a checkpoint that is none of this model */
  constructor(
    parts: WhisperParts,
    { language, initialPrompt, manner, onLook }: LiveOptions,
    checkpoint?: LiveCheckpoint,
  ) {
    const { model, tokenizer, mel, voice } = parts;
    const from = checkpoint && unpackState(checkpoint, model.config);
    this.#parts = parts;
    this.#manner = { ...mannerOf(model.config), ...manner };
    this.#onLook = onLook;
    this.#pushed = from ? fromSampleOf(from) : 0;
    this.#mel = new LiveMel(mel, from?.melFrom);
    this.#voice = new Voice(voice, from?.voice);
    this.#melFrom = from?.melFrom ?? 0;
    this.#voiceFrom = from ? Voice.fromSample(from.voice) : 0;
    this.#prompt = new Prompt(tokenizer, {
      initial: initialPrompt,
      room: this.#manner.promptTokens,
      from: from?.prompt,
    });
    this.#language =
      (language === undefined ? undefined : tokenizer.resolveLanguage(language)) ?? from?.language;
    this.#languageIsSure =
      language !== undefined || !tokenizer.isMultilingual || from?.languageIsSure === true;
    this.#start = from?.start ?? 0;
    this.#heardFrames = from?.heardFrames ?? 0;
    this.#lastStart = from?.lastStart ?? 0;
    const spaced = isSpaced(this.#language ?? 'en');
    this.#text = new LiveText(from?.text, (tokens) => new LiveWords(tokenizer, tokens, spaced));
    this.#caches = makeCaches(model);
    this.#filters = new LogitFilters(tokenizer, model.config, { timestamps: false });
  }

  get speaking(): boolean {
    return this.#voice.speaking;
  }

  get meanLogprob(): number | undefined {
    return this.#text.meanLogprob;
  }

  push(samples: Float32Array): void {
    const at = this.#pushed;
    this.#pushed += samples.length;
    const from = (sample: number): Float32Array =>
      samples.subarray(Math.min(samples.length, Math.max(0, sample - at)));
    this.#mel.push(from(this.#melFrom));
    this.#voice.push(from(this.#voiceFrom));
  }

  checkpoint(): LiveCheckpoint {
    const state: LiveState = {
      start: this.#start,
      heardFrames: this.#heardFrames,
      lastStart: this.#lastStart,
      melFrom: this.#mel.fromSample,
      ...(this.#language !== undefined && { language: this.#language }),
      languageIsSure: this.#languageIsSure,
      prompt: { text: [...this.#prompt.memory.text], forgotten: this.#prompt.memory.forgotten },
      text: this.#text.state,
      voice: this.#voice.state,
    };
    return packState(state, this.#parts.model.config);
  }

  async update(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.look();
    if (!this.#hasSpeech) {
      this.#beginUtterance();
      return this.#said(0);
    }
    const { silentSeconds } = this.#voice;
    const paused = silentSeconds > PAUSE_SECONDS;
    if (!paused || this.#hasNews || this.#hasDoubts) await this.#listen(signal);
    const isOver = silentSeconds >= OVER_SECONDS;
    const { follows: now, looks } = this.#text;
    const heardSeconds = this.#heardSeconds;
    const sure = now ? this.#manner.policy({ now, first: looks === 1, heardSeconds, paused }) : 0;
    const update = this.#said(isOver ? this.#text.heardCount : sure);
    if (isOver) this.#beginUtterance();
    else if (heardSeconds > this.#manner.longestSeconds) this.#moveOn();
    return isOver ? { ...update, tentative: '' } : update;
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.look();
    if (this.#hasSpeech && this.#hasNews) await this.#listen(signal);
    return { ...this.#said(this.#text.heardCount), tentative: '' };
  }

  dispose(): void {
    this.#filters.dispose();
    for (const cache of this.#caches) cache.dispose();
  }

  /** Whether somebody spoke in the window for longer than a cough, as far as it is not committed. */
  get #hasSpeech(): boolean {
    if (this.#text.follows !== undefined || this.#text.committed.length > 0) return true;
    return this.#voice.lastVoicedFrame > this.#start && this.#voice.evidence.seconds >= LEAST_SECONDS;
  }

  /** Whether somebody spoke since the last look, or there was none. */
  get #hasNews(): boolean {
    return this.#voice.lastVoicedFrame > this.#heardFrames || this.#text.follows === undefined;
  }

  /** Whether what follows was said in one look only: another one, with more silence behind it, may tell better. */
  get #hasDoubts(): boolean {
    return (
      this.#text.follows?.looks.some((looks) => looks < 2) === true &&
      this.#voice.silentSeconds < OVER_SECONDS
    );
  }

  get #heardSeconds(): number {
    return (this.#mel.contentFrames - this.#start) / FRAMES_PER_SECOND;
  }

  /** One look at the window. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { model, tokenizer } = this.#parts;
    const audioFrames = this.#mel.contentFrames - this.#start;
    const length = windowFrames(audioFrames, this.#manner.window);
    const mel = mx.tidy(() =>
      mx.array(this.#mel.window(this.#start, length), [1, length, model.config.nMels]).astype(model.dtype),
    );
    const encoded = await encode(model, mel, signal);
    try {
      const language = await this.#languageOf(encoded);
      const startSequence = tokenizer.startSequence(language, 'transcribe', false);
      const guess = this.#sane(await this.#guess(encoded, startSequence, audioFrames, signal));
      const { committed } = this.#text;
      const asked = { startSequence, audioFrames };
      const all = [...committed, ...guess.tokens];
      const places = await placeTokens(this.#parts, encoded, all, asked, signal);
      const heard = Math.floor(audioFrames / 2);
      const once = Math.max(0, readOnce(places.attended, heard) - committed.length);
      const count = this.#isMadeUp(guess) ? 0 : once;
      const tokens = guess.tokens.slice(0, count);
      const words = new LiveWords(tokenizer, tokens, isSpaced(language));
      this.#text.heard({
        words,
        logprobs: guess.logprobs.slice(0, count),
        starts: places.starts.slice(committed.length, committed.length + count + 1),
        attended: places.attended.slice(committed.length, committed.length + count),
        audioFrames: heard,
        ended: guess.ended && count === guess.tokens.length,
      });
      this.#heardFrames = this.#mel.contentFrames;
      const hypothesis = this.#text.follows;
      if (this.#onLook && hypothesis)
        this.#onLook({
          startSeconds: this.#start / FRAMES_PER_SECOND,
          encodedFrames: length / 2,
          guess,
          hypothesis,
          pieces: words.pieces,
          starts: places.starts.slice(committed.length),
          committed,
        });
    } finally {
      disposeWindow(encoded);
    }
  }

  /** Whether a guess at the beginning of a window has nothing in it: neither model nor voice activity is sure of it. */
  #isMadeUp({ logprobs, noSpeechProb }: Guess): boolean {
    if (this.#text.committed.length > 0) return false;
    const avgLogprob = logprobs.reduce((sum, logprob) => sum + logprob, 0) / (logprobs.length + 1);
    const judged = { avgLogprob, noSpeechProb, compressionRatio: 1 };
    return isSilent(judged, REFERENCE_THRESHOLDS, this.#voice.evidence);
  }

  async #languageOf(encoded: EncodedWindow): Promise<string> {
    if (!this.#languageIsSure) {
      const { model, tokenizer } = this.#parts;
      this.#language = (await detectLanguage(model, tokenizer, encoded, this.#caches)).language;
      this.#languageIsSure = this.#heardSeconds >= LANGUAGE_SECONDS || this.#text.committed.length > 0;
    }
    return this.#language ?? 'en';
  }

  #guess(
    encoded: EncodedWindow,
    startSequence: readonly number[],
    audioFrames: number,
    signal: AbortSignal,
  ): Promise<Guess> {
    const { model, tokenizer } = this.#parts;
    const { committed, follows } = this.#text;
    const sayable = Math.ceil((audioFrames / FRAMES_PER_SECOND) * TOKENS_PER_SECOND) + TOKENS_MORE;
    return hypothesize(
      { model, tokenizer, caches: this.#caches, filters: this.#filters, startSequence, seed: 0 },
      encoded,
      {
        prompt: this.#prompt.tokens,
        committed,
        draft: follows?.tokens ?? [],
        mostTokens: Math.max(1, sayable - committed.length),
      },
      signal,
    );
  }

  /** A guess with what it says in a loop said once. */
  #sane(guess: Guess): Guess {
    const { committed } = this.#text;
    const loop = loopAtEnd([...committed, ...guess.tokens], this.#parts.tokenizer.special.endOfText);
    if (loop === undefined) return guess;
    const kept = Math.max(0, loop.firstEnd - committed.length);
    const [tokens, logprobs] = [guess.tokens.slice(0, kept), guess.logprobs.slice(0, kept)];
    return { ...guess, tokens, logprobs, ended: false };
  }

  /** Commits so many tokens of what follows. */
  #said(count: number): LiveUpdate {
    const { follows } = this.#text;
    const heard = { heardSeconds: this.#heardSeconds, young: this.#text.committed.length === 0 };
    const shown = follows ? tentativeCount(follows, count, heard, this.#manner.shown) : 0;
    const tentative = this.#text.tentative(count, shown);
    const offset = this.#start / FRAMES_PER_SECOND;
    const committed = this.#text.commit(count).map((word): Word => {
      this.#lastStart = Math.max(this.#lastStart, toCentiseconds(offset + word.start));
      const end = Math.max(this.#lastStart, toCentiseconds(offset + word.end));
      return { ...word, start: this.#lastStart, end };
    });
    return { committed, tentative, ...(this.#language !== undefined && { language: this.#language }) };
  }

  /** The window begins anew where what is committed ends. */
  #moveOn(): void {
    const { committedEnd } = this.#text;
    if (committedEnd === undefined) return;
    this.#prompt.heard(this.#text.moveOn());
    this.#begin(this.#start + 2 * committedEnd);
  }

  /** What was said is a whole, or nobody spoke: the window begins anew, a little before what is said next. */
  #beginUtterance(): void {
    this.#prompt.heard(this.#text.clear());
    if (this.#voice.silentSeconds >= OVER_SECONDS) this.#voice.begin();
    this.#begin(this.#mel.contentFrames - BEFORE_SPEECH_FRAMES);
  }

  #begin(start: number): void {
    this.#start = Math.max(this.#start, start);
    this.#mel.drop(this.#start);
  }
}
