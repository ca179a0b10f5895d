/**
 * Whisper on speech that goes on. It hears a window of the last seconds, whose beginning moves on behind what is
 * committed, and is asked again and again what follows the committed text.
 */
import { LiveMel } from '#daemon/audio/mel-live.js';
import { FRAMES_PER_SECOND, SAMPLE_RATE } from '#daemon/audio/mel.js';
import type { TranscribeResult, Word } from '#daemon/protocol/transcription.js';
import { phrasesOnce, readOnce } from '../../streaming/guards.js';
import type { LiveCheckpoint, LiveSpeech, LiveUpdate } from '../../streaming/live-speech.js';
import { tentativeCount } from '../../streaming/policy.js';

import { disposeWindow, type EncodedWindow } from '../encode.js';
import { Hotwords } from '../hotwords.js';
import { isSilent, REFERENCE_THRESHOLDS } from '../judging.js';
import { Prompt } from '../prompt.js';
import { toCentiseconds } from '../segments.js';
import type { WhisperParts } from '../transcription.js';
import { isSpaced } from '../words.js';
import { Ear } from './ear.js';
import type { Guess } from './hypothesize.js';
import type { LiveOptions } from './live-options.js';
import { fromSampleOf, type LiveState, packState, unpackState } from './live-state.js';
import { LiveText } from './live-text.js';
import { LiveWords } from './live-words.js';
import { type LiveManner, mannerOf } from './manner.js';
import { refinedResult } from './refined-result.js';
import { Voice } from './voice.js';
import { defined } from '#daemon/protocol/defined.js';

/** Kept in front of speech that begins, in mel frames: its first sound is softer than what voice activity hears. */
const BEFORE_SPEECH_FRAMES = 50;
/** After this much silence what was said will not be said differently. */
const PAUSE_SECONDS = 0.3;
/** After this much what is said is a whole, and committed. */
const OVER_SECONDS = 1;
/** After this much the window begins anew: before, the model knows what it is about. */
const FORGOTTEN_SECONDS = 2.5;
/** Speech that is long enough to be some. */
const LEAST_SECONDS = 0.2;
/** Speech that the language is detected from for good; before, every look asks anew, until a word is committed. */
const LANGUAGE_SECONDS = 2;
/** A window whose text found no place to be cut at for so long. */
const LOST_SECONDS = 24;

export class LiveWhisper implements LiveSpeech {
  readonly #parts: WhisperParts;
  readonly #manner: LiveManner;
  readonly #onLook: LiveOptions['onLook'];
  readonly #mel: LiveMel;
  readonly #voice: Voice;
  /** The first samples that each of them has to hear. */
  readonly #melFrom: number;
  readonly #voiceFrom: number;
  readonly #ear: Ear;
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
    { language, initialPrompt, hotwords = [], manner, onLook }: LiveOptions,
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
    this.#text = new LiveText((tokens) => this.#wordsOf(tokens), from?.text);
    const words = new Hotwords(hotwords, tokenizer);
    this.#ear = new Ear(parts, this.#manner.window, words.isEmpty ? undefined : words);
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
      ...defined({ language: this.#language }),
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
    const { follows: now, looks } = this.#text;
    const heardSeconds = this.#heardSeconds;
    const isOver = silentSeconds >= OVER_SECONDS || heardSeconds > LOST_SECONDS;
    const sure = now ? this.#manner.policy({ now, first: looks === 1, heardSeconds, paused }) : 0;
    const update = this.#said(isOver ? this.#text.heardCount : sure);
    if (silentSeconds >= FORGOTTEN_SECONDS || heardSeconds > LOST_SECONDS) this.#beginUtterance();
    else if (heardSeconds > this.#manner.longestSeconds) this.#moveOn();
    return isOver ? { ...update, tentative: '' } : update;
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.look();
    if (this.#hasSpeech && this.#hasNews) await this.#listen(signal);
    return { ...this.#said(this.#text.heardCount), tentative: '' };
  }

  async refine(signal: AbortSignal): Promise<TranscribeResult | undefined> {
    if (!this.#text.isWhole) return undefined;
    const begin = performance.now();
    const language = this.#language ?? 'en';
    const audioFrames = this.#heardFrames - this.#start;
    const window = await this.#ear.hear(this.#mel, this.#start, audioFrames, signal);
    const encode = (performance.now() - begin) / 1000;
    try {
      const asked = { language, audioFrames, prompt: this.#prompt.tokens };
      const draft = this.#text.committed;
      const answer = await this.#ear.ask(window, { ...asked, committed: [], draft }, signal);
      const total = (performance.now() - begin) / 1000;
      return refinedResult(this.#parts.tokenizer, answer, {
        language,
        audioFrames,
        offsetSeconds: this.#start / FRAMES_PER_SECOND,
        durationSeconds: this.#pushed / SAMPLE_RATE,
        timings: { mel: 0, encode, decode: total - encode, total },
      });
    } finally {
      disposeWindow(window);
    }
  }

  dispose(): void {
    this.#ear.dispose();
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
    const audioFrames = this.#mel.contentFrames - this.#start;
    const window = await this.#ear.hear(this.#mel, this.#start, audioFrames, signal);
    try {
      const language = await this.#languageOf(window);
      const { committed, follows } = this.#text;
      const asked = { language, audioFrames, prompt: this.#prompt.tokens };
      const draft = follows?.tokens ?? [];
      const { guess, places } = await this.#ear.ask(window, { ...asked, committed, draft }, signal);
      const heard = Math.floor(audioFrames / 2);
      const first = committed.length;
      const once = Math.min(
        readOnce(places.attended, heard),
        phrasesOnce([...committed, ...guess.tokens], places.attended, heard),
      );
      const last = this.#isMadeUp(guess) ? first : Math.max(first, once);
      this.#text.heard({
        words: this.#wordsOf(guess.tokens.slice(0, last - first)),
        logprobs: guess.logprobs.slice(0, last - first),
        committedStarts: places.starts.slice(0, first),
        starts: places.starts.slice(first, last + 1),
        attended: places.attended.slice(first, last),
        audioFrames: heard,
        ended: guess.ended && last === first + guess.tokens.length,
      });
      this.#heardFrames = this.#mel.contentFrames;
      this.#report(audioFrames, guess);
    } finally {
      disposeWindow(window);
    }
  }

  #report(audioFrames: number, guess: Guess): void {
    const hypothesis = this.#text.follows;
    if (this.#onLook === undefined || hypothesis === undefined) return;
    const startSeconds = this.#start / FRAMES_PER_SECOND;
    const encodedFrames = this.#ear.windowFrames(audioFrames) / 2;
    this.#onLook({ startSeconds, encodedFrames, guess, hypothesis, committed: this.#text.committed.length });
  }

  #wordsOf(tokens: readonly number[]): LiveWords {
    return new LiveWords(this.#parts.tokenizer, tokens, isSpaced(this.#language ?? 'en'));
  }

  /** Whether a guess at the beginning of a window has nothing in it: neither model nor voice activity is sure of it. */
  #isMadeUp({ logprobs, noSpeechProb }: Guess): boolean {
    if (this.#text.committed.length > 0) return false;
    const avgLogprob = logprobs.reduce((sum, logprob) => sum + logprob, 0) / (logprobs.length + 1);
    const judged = { avgLogprob, noSpeechProb, compressionRatio: 1 };
    return isSilent(judged, REFERENCE_THRESHOLDS, this.#voice.evidence);
  }

  async #languageOf(window: EncodedWindow): Promise<string> {
    if (!this.#languageIsSure) {
      this.#language = await this.#ear.languageOf(window);
      const heardEnough = this.#voice.evidence.seconds >= LANGUAGE_SECONDS;
      this.#languageIsSure = heardEnough || this.#text.committed.length > 0;
    }
    return this.#language ?? 'en';
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
    return { committed, tentative, ...defined({ language: this.#language }) };
  }

  /** The window begins anew, with some of what is committed still in it. */
  #moveOn(): void {
    const moved = this.#text.moveOn();
    if (moved === undefined) return;
    this.#prompt.heard(moved.tokens);
    this.#begin(this.#start + 2 * moved.frames);
  }

  /** What was said is a whole, or nobody spoke: the window begins anew, a little before what is said next. */
  #beginUtterance(): void {
    this.#prompt.heard(this.#text.clear());
    if (this.#voice.silentSeconds >= FORGOTTEN_SECONDS) this.#voice.begin();
    this.#begin(this.#mel.contentFrames - BEFORE_SPEECH_FRAMES);
  }

  #begin(start: number): void {
    this.#start = Math.max(this.#start, start);
    this.#mel.drop(this.#start);
  }
}
