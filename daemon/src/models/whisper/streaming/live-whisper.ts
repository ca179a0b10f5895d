/**
 * Whisper on speech that goes on. It hears a window of the last seconds, whose beginning moves on behind what is
 * committed, and is asked again and again what follows the committed text.
 */
import { LiveMel } from '#daemon/audio/mel-live.js';
import { FRAMES_PER_SECOND } from '#daemon/audio/mel.js';
import { mx } from '#native/index.js';
import type * as nn from '#native/nn/index.js';
import { wordBeginnings } from '../../streaming/hypothesis.js';
import type {
  LiveCheckpoint,
  LiveSpeech,
  LiveSpeechOptions,
  LiveUpdate,
} from '../../streaming/live-speech.js';
import { type CommitPolicy, tentativeCount } from '../../streaming/policy.js';

import { placeTokens } from '../alignment.js';
import { makeCaches } from '../decode.js';
import { disposeWindow, encode, type EncodedWindow } from '../encode.js';
import { detectLanguage } from '../language.js';
import { LogitFilters } from '../logit-filters.js';
import { loopAtEnd } from '../loops.js';
import { Prompt } from '../prompt.js';
import { toCentiseconds } from '../segments.js';
import { type WindowLength, windowFrames } from '../short-window.js';
import type { WhisperParts } from '../transcription.js';
import { isSpaced } from '../words.js';
import { hypothesize, type Guess } from './hypothesize.js';
import { fromSampleOf, type LiveState, packState, unpackState } from './live-state.js';
import { LiveText } from './live-text.js';
import { LiveWords } from './live-words.js';
import { Voice } from './voice.js';

export interface LiveOptions extends LiveSpeechOptions {
  readonly policy: CommitPolicy;
}

/**
 * Not the 30 s that the encoder learnt on, or every look would cost as much as half a minute. Below 10 s, or with less than
 * a second of silence behind the speech, small models lose the end and say the sentence again.
 */
const LIVE: WindowLength = { least: 1000, silence: 100, step: 200 };
/** Kept in front of speech that begins, in mel frames: its first sound is softer than what voice activity hears. */
const BEFORE_SPEECH_FRAMES = 50;
/** After this much silence what was said will not be said differently. */
const PAUSE_SECONDS = 0.3;
/** After this much it is a whole, and the window begins anew. */
const NEW_WINDOW_SECONDS = 1;
/** A window that is longer begins anew behind what is committed. */
const LONGEST_SECONDS = 12;
/** Speech that the language is detected from for good; before, every look asks anew. */
const LANGUAGE_SECONDS = 2;
/** Nobody speaks faster. */
const TOKENS_PER_SECOND = 8;
const TOKENS_MORE = 6;
/** Tokens of what was said before that lead a window: enough for style and names, and cheap. */
const PROMPT_TOKENS = 64;

export class LiveWhisper implements LiveSpeech {
  readonly #parts: WhisperParts;
  readonly #policy: CommitPolicy;
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

  /** @throws SottoError INVALID_ARGUMENT for a checkpoint that is none of this model */
  constructor(
    parts: WhisperParts,
    { language, initialPrompt, policy }: LiveOptions,
    checkpoint?: LiveCheckpoint,
  ) {
    const { model, tokenizer, mel, voice } = parts;
    const from = checkpoint && unpackState(checkpoint, model.config);
    this.#parts = parts;
    this.#policy = policy;
    this.#pushed = from ? fromSampleOf(from) : 0;
    this.#mel = new LiveMel(mel, from?.melFrom);
    this.#voice = new Voice(voice, from?.voice);
    this.#melFrom = from?.melFrom ?? 0;
    this.#voiceFrom = from ? Voice.fromSample(from.voice) : 0;
    this.#prompt = new Prompt(tokenizer, { initial: initialPrompt, room: PROMPT_TOKENS, from: from?.prompt });
    this.#language =
      (language === undefined ? undefined : tokenizer.resolveLanguage(language)) ?? from?.language;
    this.#languageIsSure =
      language !== undefined || !tokenizer.isMultilingual || from?.languageIsSure === true;
    this.#start = from?.start ?? 0;
    this.#heardFrames = from?.heardFrames ?? 0;
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
      this.#begin(this.#mel.contentFrames - BEFORE_SPEECH_FRAMES);
      return this.#said(0);
    }
    const paused = this.#voice.silentSeconds > PAUSE_SECONDS;
    if (!paused || this.#hasNews) await this.#listen(signal);
    const { follows, followed } = this.#text;
    const count =
      follows === undefined
        ? 0
        : this.#policy({ now: follows, before: followed, heardSeconds: this.#heardSeconds, paused });
    const update = this.#said(count);
    this.#moveOn();
    return update;
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.look();
    if (this.#hasSpeech && this.#hasNews) await this.#listen(signal);
    return { ...this.#said(this.#text.follows?.tokens.length ?? 0), tentative: '' };
  }

  dispose(): void {
    this.#filters.dispose();
    for (const cache of this.#caches) cache.dispose();
  }

  /** Whether somebody spoke in the window, as far as it is not committed. */
  get #hasSpeech(): boolean {
    return this.#voice.lastVoicedFrame > this.#start || this.#text.follows !== undefined;
  }

  /** Whether somebody spoke since the last look, or there was none. */
  get #hasNews(): boolean {
    return this.#voice.lastVoicedFrame > this.#heardFrames || this.#text.follows === undefined;
  }

  get #heardSeconds(): number {
    return (this.#mel.contentFrames - this.#start) / FRAMES_PER_SECOND;
  }

  /** One look at the window. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { model, tokenizer } = this.#parts;
    const audioFrames = this.#mel.contentFrames - this.#start;
    const length = windowFrames(audioFrames, LIVE);
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
      const words = new LiveWords(tokenizer, guess.tokens, isSpaced(language));
      this.#text.heard({
        hypothesis: {
          tokens: guess.tokens,
          begins: wordBeginnings(words.pieces, words.spaced),
          attended: places.attended.slice(committed.length),
          audioFrames: Math.floor(audioFrames / 2),
          ended: guess.ended,
        },
        words,
        starts: places.starts.slice(committed.length),
        logprobs: guess.logprobs,
      });
      this.#heardFrames = this.#mel.contentFrames;
    } finally {
      disposeWindow(encoded);
    }
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
    const shown = follows ? tentativeCount(follows, count, this.#heardSeconds) : 0;
    const tentative = this.#text.tentative(count, shown);
    const offset = this.#start / FRAMES_PER_SECOND;
    const committed = this.#text.commit(count).map((word) => ({
      ...word,
      start: toCentiseconds(offset + word.start),
      end: toCentiseconds(offset + word.end),
    }));
    return { committed, tentative, ...(this.#language !== undefined && { language: this.#language }) };
  }

  /** Begins the window anew where it has become long, or the speaker has stopped. */
  #moveOn(): void {
    const { committed, committedEnd, follows } = this.#text;
    if (committed.length === 0 || committedEnd === undefined) return;
    const done = (follows?.tokens.length ?? 0) === 0;
    if (done && this.#voice.silentSeconds >= NEW_WINDOW_SECONDS)
      this.#begin(this.#mel.contentFrames - BEFORE_SPEECH_FRAMES);
    else if (this.#heardSeconds > LONGEST_SECONDS) this.#begin(this.#start + 2 * committedEnd);
  }

  #begin(start: number): void {
    this.#prompt.heard(this.#text.moveOn());
    this.#start = Math.max(this.#start, start);
    this.#mel.drop(this.#start);
  }
}
