/**
 * Whisper on speech that goes on. It hears a window of the last seconds, whose beginning moves on behind what is
 * committed, and is asked again and again what follows the committed text.
 */
import { LiveMel } from '#daemon/audio/mel/live-mel.js';
import { FRAMES_PER_SECOND, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import type { TranscribeResult, Word } from '#daemon/protocol/transcription.js';
import { trimRepeatedPhrases, trimRereadTokens } from '../../streaming/repetition.js';
import type { LiveCheckpoint, LiveSpeech, LiveUpdate } from '../../streaming/live-speech.js';
import { tentativeCount } from '../../streaming/commit-policy.js';

import { disposeWindow, type EncodedWindow } from '../encode/encode.js';
import { Hotwords } from '../hotwords/hotwords.js';
import { isSilent, REFERENCE_THRESHOLDS } from '../decode/quality.js';
import { Prompt } from '../decode/prompt.js';
import { toCentiseconds } from '../decode/segments.js';
import type { WhisperDeps } from '../transcription.js';
import { isSpaced } from '../words/split-words.js';
import { StreamingDecoder } from './streaming-decoder.js';
import type { RawHypothesis } from './hypothesize.js';
import type { LiveOptions } from './live-options.js';
import { fromSampleOf, type LiveWhisperState, packState, unpackState } from './live-whisper-state.js';
import { LiveText } from './live-text.js';
import { LiveWords } from './live-words.js';
import { type StreamingConfig, streamingConfigFor } from './streaming-config.js';
import { refinedResult } from './refined-result.js';
import { VoiceTracker } from './voice-tracker.js';
import { defined } from '#daemon/protocol/defined.js';

/** Kept in front of speech that begins, in mel frames: its first sound is softer than what voice activity hears. */
const SPEECH_LEAD_IN_FRAMES = 50;
/** After this much silence what was said will not be said differently. */
const PAUSE_SECONDS = 0.3;
/** After this much what is said is a whole, and committed. */
const UTTERANCE_END_SECONDS = 1;
/** After this much the window begins anew: before, the model knows what it is about. */
const WINDOW_RESET_SECONDS = 2.5;
/** Speech that is long enough to be some. */
const MIN_SPEECH_SECONDS = 0.2;
/** Speech that the language is detected from for good; before, every look asks anew, until a word is committed. */
const MIN_LANGUAGE_SECONDS = 2;
/** A window whose text found no place to be cut at for so long. */
const MAX_UNCUT_SECONDS = 24;

export class LiveWhisper implements LiveSpeech {
  readonly #parts: WhisperDeps;
  readonly #config: StreamingConfig;
  readonly #onDecodeStep: LiveOptions['onDecodeStep'];
  readonly #mel: LiveMel;
  readonly #voice: VoiceTracker;
  /** The first samples that each of them has to hear. */
  readonly #melFrom: number;
  readonly #vadFrom: number;
  readonly #decoder: StreamingDecoder;
  readonly #prompt: Prompt;
  readonly #text: LiveText;
  /** Samples that were pushed, or need not be. */
  #pushed: number;
  #language: string | undefined;
  #isLanguageFixed: boolean;
  /** Mel frame at which the window begins. */
  #start: number;
  /** Where the audio ended at the last look. */
  #decodedFrames: number;
  /** When the last committed word began: times never go back, though each look hears them a little differently. */
  #lastStart: number;

  /** @throws SottoError INVALID_ARGUMENT for a checkpoint that is none of this model */
  constructor(
    parts: WhisperDeps,
    { language, initialPrompt, hotwords = [], config, onDecodeStep }: LiveOptions,
    checkpoint?: LiveCheckpoint,
  ) {
    const { model, tokenizer, mel, voice } = parts;
    const from = checkpoint && unpackState(checkpoint, model.config);
    this.#parts = parts;
    this.#config = { ...streamingConfigFor(model.config), ...config };
    this.#onDecodeStep = onDecodeStep;
    this.#pushed = from ? fromSampleOf(from) : 0;
    this.#mel = new LiveMel(mel, from?.melFrom);
    this.#voice = new VoiceTracker(voice, from?.voice);
    this.#melFrom = from?.melFrom ?? 0;
    this.#vadFrom = from ? VoiceTracker.fromSample(from.voice) : 0;
    this.#prompt = new Prompt(tokenizer, {
      initial: initialPrompt,
      room: this.#config.promptTokens,
      from: from?.prompt,
    });
    this.#language =
      (language === undefined ? undefined : tokenizer.resolveLanguage(language)) ?? from?.language;
    this.#isLanguageFixed =
      language !== undefined || !tokenizer.isMultilingual || from?.isLanguageFixed === true;
    this.#start = from?.start ?? 0;
    this.#decodedFrames = from?.decodedFrames ?? 0;
    this.#lastStart = from?.lastStart ?? 0;
    this.#text = new LiveText((tokens) => this.#wordsOf(tokens), from?.text);
    const words = new Hotwords(hotwords, tokenizer);
    this.#decoder = new StreamingDecoder(parts, this.#config.window, words.isEmpty ? undefined : words);
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
    this.#voice.push(from(this.#vadFrom));
  }

  checkpoint(): LiveCheckpoint {
    const state: LiveWhisperState = {
      start: this.#start,
      decodedFrames: this.#decodedFrames,
      lastStart: this.#lastStart,
      melFrom: this.#mel.fromSample,
      ...defined({ language: this.#language }),
      isLanguageFixed: this.#isLanguageFixed,
      prompt: { text: [...this.#prompt.state.text], isReset: this.#prompt.state.isReset },
      text: this.#text.state,
      voice: this.#voice.state,
    };
    return packState(state, this.#parts.model.config);
  }

  async update(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.update();
    if (!this.#hasSpeech) {
      this.#beginUtterance();
      return this.#commit(0);
    }
    const { silentSeconds } = this.#voice;
    const paused = silentSeconds > PAUSE_SECONDS;
    if (!paused || this.#hasNewSpeech || this.#hasUnstableWords) await this.#decodeStep(signal);
    const { hypothesis: now, agreementCount } = this.#text;
    const audioSeconds = this.#audioSeconds;
    const isOver = silentSeconds >= UTTERANCE_END_SECONDS || audioSeconds > MAX_UNCUT_SECONDS;
    const sure = now ? this.#config.policy({ now, first: agreementCount === 1, audioSeconds, paused }) : 0;
    const update = this.#commit(isOver ? this.#text.attendedCount : sure);
    if (silentSeconds >= WINDOW_RESET_SECONDS || audioSeconds > MAX_UNCUT_SECONDS) this.#beginUtterance();
    else if (audioSeconds > this.#config.maxWindowSeconds) this.#advanceWindow();
    return isOver ? { ...update, tentative: '' } : update;
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.update();
    if (this.#hasSpeech && this.#hasNewSpeech) await this.#decodeStep(signal);
    return { ...this.#commit(this.#text.attendedCount), tentative: '' };
  }

  async refine(signal: AbortSignal): Promise<TranscribeResult | undefined> {
    if (!this.#text.isWhole) return undefined;
    const begin = performance.now();
    const language = this.#language ?? 'en';
    const audioFrames = this.#decodedFrames - this.#start;
    const window = await this.#decoder.encode(this.#mel, this.#start, audioFrames, signal);
    const encode = (performance.now() - begin) / 1000;
    try {
      const request = { language, audioFrames, prompt: this.#prompt.tokens };
      const draft = this.#text.committed;
      const decoded = await this.#decoder.decode(window, { ...request, committed: [], draft }, signal);
      const total = (performance.now() - begin) / 1000;
      return refinedResult(this.#parts.tokenizer, decoded, {
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
    this.#decoder.dispose();
  }

  /** Whether somebody spoke in the window for longer than a cough, as far as it is not committed. */
  get #hasSpeech(): boolean {
    if (this.#text.hypothesis !== undefined || this.#text.committed.length > 0) return true;
    return this.#voice.lastVoicedFrame > this.#start && this.#voice.evidence.seconds >= MIN_SPEECH_SECONDS;
  }

  /** Whether somebody spoke since the last look, or there was none. */
  get #hasNewSpeech(): boolean {
    return this.#voice.lastVoicedFrame > this.#decodedFrames || this.#text.hypothesis === undefined;
  }

  /** Whether what follows was said in one look only: another one, with more silence behind it, may tell better. */
  get #hasUnstableWords(): boolean {
    return (
      this.#text.hypothesis?.agreementCount.some((agreementCount) => agreementCount < 2) === true &&
      this.#voice.silentSeconds < UTTERANCE_END_SECONDS
    );
  }

  get #audioSeconds(): number {
    return (this.#mel.contentFrames - this.#start) / FRAMES_PER_SECOND;
  }

  /** One look at the window. */
  async #decodeStep(signal: AbortSignal): Promise<void> {
    const audioFrames = this.#mel.contentFrames - this.#start;
    const window = await this.#decoder.encode(this.#mel, this.#start, audioFrames, signal);
    try {
      const language = await this.#languageOf(window);
      const { committed, hypothesis } = this.#text;
      const request = { language, audioFrames, prompt: this.#prompt.tokens };
      const draft = hypothesis?.tokens ?? [];
      const { rawHypothesis, places } = await this.#decoder.decode(
        window,
        { ...request, committed, draft },
        signal,
      );
      const heard = Math.floor(audioFrames / 2);
      const first = committed.length;
      const once = Math.min(
        trimRereadTokens(places.attendedFrames, heard),
        trimRepeatedPhrases([...committed, ...rawHypothesis.tokens], places.attendedFrames, heard),
      );
      const last = this.#isHallucinated(rawHypothesis) ? first : Math.max(first, once);
      this.#text.heard({
        words: this.#wordsOf(rawHypothesis.tokens.slice(0, last - first)),
        logprobs: rawHypothesis.logprobs.slice(0, last - first),
        committedStarts: places.starts.slice(0, first),
        starts: places.starts.slice(first, last + 1),
        attendedFrames: places.attendedFrames.slice(first, last),
        audioFrames: heard,
        ended: rawHypothesis.ended && last === first + rawHypothesis.tokens.length,
      });
      this.#decodedFrames = this.#mel.contentFrames;
      this.#report(audioFrames, rawHypothesis);
    } finally {
      disposeWindow(window);
    }
  }

  #report(audioFrames: number, rawHypothesis: RawHypothesis): void {
    const hypothesis = this.#text.hypothesis;
    if (this.#onDecodeStep === undefined || hypothesis === undefined) return;
    const startSeconds = this.#start / FRAMES_PER_SECOND;
    const encodedFrames = this.#decoder.windowFrames(audioFrames) / 2;
    this.#onDecodeStep({
      startSeconds,
      encodedFrames,
      rawHypothesis,
      hypothesis,
      committed: this.#text.committed.length,
    });
  }

  #wordsOf(tokens: readonly number[]): LiveWords {
    return new LiveWords(this.#parts.tokenizer, tokens, isSpaced(this.#language ?? 'en'));
  }

  /** Whether a guess at the beginning of a window has nothing in it: neither model nor voice activity is sure of it. */
  #isHallucinated({ logprobs, noSpeechProb }: RawHypothesis): boolean {
    if (this.#text.committed.length > 0) return false;
    const avgLogprob = logprobs.reduce((sum, logprob) => sum + logprob, 0) / (logprobs.length + 1);
    const judged = { avgLogprob, noSpeechProb, compressionRatio: 1 };
    return isSilent(judged, REFERENCE_THRESHOLDS, this.#voice.evidence);
  }

  async #languageOf(window: EncodedWindow): Promise<string> {
    if (!this.#isLanguageFixed) {
      this.#language = await this.#decoder.languageOf(window);
      const hasEnoughSpeech = this.#voice.evidence.seconds >= MIN_LANGUAGE_SECONDS;
      this.#isLanguageFixed = hasEnoughSpeech || this.#text.committed.length > 0;
    }
    return this.#language ?? 'en';
  }

  /** Commits so many tokens of what follows. */
  #commit(count: number): LiveUpdate {
    const { hypothesis } = this.#text;
    const heard = { audioSeconds: this.#audioSeconds, isUncommitted: this.#text.committed.length === 0 };
    const tentativeThresholds = hypothesis
      ? tentativeCount(hypothesis, count, heard, this.#config.tentativeThresholds)
      : 0;
    const tentative = this.#text.tentative(count, tentativeThresholds);
    const offset = this.#start / FRAMES_PER_SECOND;
    const committed = this.#text.commit(count).map((word): Word => {
      this.#lastStart = Math.max(this.#lastStart, toCentiseconds(offset + word.start));
      const end = Math.max(this.#lastStart, toCentiseconds(offset + word.end));
      return { ...word, start: this.#lastStart, end };
    });
    return { committed, tentative, ...defined({ language: this.#language }) };
  }

  /** The window begins anew, with some of what is committed still in it. */
  #advanceWindow(): void {
    const moved = this.#text.advanceWindow();
    if (moved === undefined) return;
    this.#prompt.heard(moved.tokens);
    this.#begin(this.#start + 2 * moved.frames);
  }

  /** What was said is a whole, or nobody spoke: the window begins anew, a little before what is said next. */
  #beginUtterance(): void {
    this.#prompt.heard(this.#text.clear());
    if (this.#voice.silentSeconds >= WINDOW_RESET_SECONDS) this.#voice.begin();
    this.#begin(this.#mel.contentFrames - SPEECH_LEAD_IN_FRAMES);
  }

  #begin(start: number): void {
    this.#start = Math.max(this.#start, start);
    this.#mel.drop(this.#start);
  }
}
