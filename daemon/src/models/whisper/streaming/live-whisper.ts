/**
 * Streaming with Whisper: each update decodes a window of the last seconds after the committed text. As text is
 * committed, the start of the window moves forward.
 */
import { LiveMel } from '#daemon/audio/mel/live-mel.js';
import { FRAMES_PER_SECOND, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import type { TranscribeResult, Word } from '#daemon/protocol/transcription.js';
import { trimRepeatedPhrases, trimRereadTokens } from '../../streaming/repetition.js';
import type { LanguageEvidence } from '#daemon/protocol/ipc.js';
import type { LiveCheckpoint, LiveSpeech, LiveUpdate } from '../../streaming/live-speech.js';
import { tentativeCount } from '../../streaming/commit-policy.js';

import { disposeWindow, type EncodedWindow } from '../encode/encode.js';
import { Hotwords } from '../../hotwords/hotword-trie.js';
import { Prompt } from '../decode/prompt.js';
import { isDoubtfulLogprob } from '../decode/second-decode.js';
import { toCentiseconds } from '../../centiseconds.js';
import type { WhisperDeps } from '../whisper-transcription.js';
import { isSpaced } from '../../text/word-spacing.js';
import { StreamingDecoder } from './streaming-decoder.js';
import { isNoise, type RawHypothesis } from './hypothesize.js';
import type { LiveWhisperOptions } from './live-whisper-options.js';
import { fromSampleOf, type LiveWhisperState, packState, unpackState } from './live-whisper-state.js';
import { isRefinedBetter } from './choose-refined.js';
import { LiveText } from './live-text.js';
import { LiveWords } from './live-words.js';
import { type StreamingConfig, streamingConfigFor } from './streaming-config.js';
import { refinedResult } from './refined-result.js';
import { VoiceTracker } from '../../streaming/voice-tracker.js';
import { defined } from '#daemon/protocol/defined.js';
import type { WhisperResult } from '../whisper-options.js';

/** Mel frames kept before detected speech: its onset is too quiet for the VAD. */
const SPEECH_LEAD_IN_FRAMES = 50;
/** Silence after which no more audio can change the last words. */
const MIN_PAUSE_SECONDS = 0.3;
/** Silence after which the whole utterance is committed. */
const UTTERANCE_END_SECONDS = 1;
/** Silence after which the window is emptied; until then its text is context for the model. */
const WINDOW_RESET_SECONDS = 2.5;
/** Less than this is not counted as speech. */
const MIN_SPEECH_SECONDS = 0.2;
/**
 * Speech until which each decode step detects the language. It is fixed then, or once a word is committed; the caller, which may
 * choose another model, gets the evidence in any case.
 */
const MIN_LANGUAGE_SECONDS = 2;
/** A window this long without a place to cut is emptied. */
const MAX_UNCUT_SECONDS = 24;

export class LiveWhisper implements LiveSpeech {
  readonly #deps: WhisperDeps;
  readonly #config: StreamingConfig;
  readonly #onDecodeStep: LiveWhisperOptions['onDecodeStep'];
  readonly #mel: LiveMel;
  readonly #voice: VoiceTracker;
  /** The first samples that the mel frames and the VAD need. */
  readonly #melFrom: number;
  readonly #vadFrom: number;
  readonly #decoder: StreamingDecoder;
  readonly #prompt: Prompt;
  readonly #text: LiveText;
  /** Position in samples: pushed ones and those before the checkpoint. */
  #pushed: number;
  #language: string | undefined;
  #isLanguageFixed: boolean;
  #isDetecting: boolean;
  /** Of the last decode step. */
  #evidence: LanguageEvidence | undefined;
  /** Mel frame where the window starts. */
  #start: number;
  /** Mel frame where the audio ended at the last decode step. */
  #decodedFrames: number;
  /** Start of the last committed word: keeps times ascending, although each decode step aligns them slightly differently. */
  #lastStart: number;

  /** @throws SottoError INVALID_ARGUMENT for a checkpoint of another model */
  constructor(
    deps: WhisperDeps,
    { language, initialPrompt, hotwords = [], config, onDecodeStep }: LiveWhisperOptions,
    checkpoint?: LiveCheckpoint,
  ) {
    const { model, tokenizer, mel, voice } = deps;
    const from = checkpoint && unpackState(checkpoint, model.config);
    this.#deps = deps;
    this.#config = { ...streamingConfigFor(model.config), ...config };
    this.#onDecodeStep = onDecodeStep;
    this.#pushed = from ? fromSampleOf(from) : 0;
    this.#mel = new LiveMel(mel, from?.melFrom);
    this.#voice = new VoiceTracker(voice, from?.voice);
    this.#melFrom = from?.melFrom ?? 0;
    this.#vadFrom = from ? VoiceTracker.fromSample(from.voice) : 0;
    this.#prompt = new Prompt(tokenizer, {
      initial: initialPrompt,
      maxTokens: this.#config.promptTokens,
      from: from?.prompt,
    });
    this.#language =
      (language === undefined ? undefined : tokenizer.resolveLanguage(language)) ?? from?.language;
    this.#isLanguageFixed =
      language !== undefined || !tokenizer.isMultilingual || from?.isLanguageFixed === true;
    this.#isDetecting = !this.#isLanguageFixed || from?.isDetecting === true;
    this.#start = from?.start ?? 0;
    this.#decodedFrames = from?.decodedFrames ?? 0;
    this.#lastStart = from?.lastStart ?? 0;
    this.#text = new LiveText((tokens) => this.#wordsOf(tokens), from?.text);
    const words = new Hotwords(hotwords, tokenizer);
    this.#decoder = new StreamingDecoder(deps, this.#config.window, words.isEmpty ? undefined : words);
  }

  get speaking(): boolean {
    return this.#voice.speaking;
  }

  /** Mean natural-log probability of all tokens committed in the session; undefined before the first. */
  get meanLogprob(): number | undefined {
    return this.#text.meanLogprob;
  }

  get hasText(): boolean {
    return this.meanLogprob !== undefined;
  }

  prefers({ segments }: TranscribeResult): boolean {
    return isRefinedBetter(segments, this.meanLogprob);
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
      ...(this.#isLanguageFixed && this.#isDetecting && { isDetecting: true }),
      prompt: { text: [...this.#prompt.state.text], isReset: this.#prompt.state.isReset },
      text: this.#text.state,
      voice: this.#voice.state,
    };
    return packState(state, this.#deps.model.config);
  }

  async update(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.update();
    if (!this.#hasSpeech) {
      this.#startUtterance();
      return this.#commit(0);
    }
    const { silentSeconds } = this.#voice;
    const isPaused = silentSeconds > MIN_PAUSE_SECONDS;
    if (!isPaused || this.#hasNewSpeech || this.#hasUnstableWords) await this.#decodeStep(signal);
    const { hypothesis, decodeSteps } = this.#text;
    const audioSeconds = this.#audioSeconds;
    const isUtteranceOver = silentSeconds >= UTTERANCE_END_SECONDS || audioSeconds > MAX_UNCUT_SECONDS;
    const stableCount = hypothesis
      ? this.#config.policy({ hypothesis, isFirstStep: decodeSteps === 1, audioSeconds, isPaused })
      : 0;
    const count = isUtteranceOver ? this.#text.attendedCount : this.#text.withoutLastMarks(stableCount);
    const update = this.#commit(count);
    if (silentSeconds >= WINDOW_RESET_SECONDS || audioSeconds > MAX_UNCUT_SECONDS) this.#startUtterance();
    else if (audioSeconds > this.#config.maxWindowSeconds) this.#advanceWindow();
    return isUtteranceOver ? { ...update, tentative: '' } : update;
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.update();
    if (this.#hasSpeech && this.#hasNewSpeech) await this.#decodeStep(signal);
    return { ...this.#commit(this.#text.attendedCount), tentative: '' };
  }

  async refine(signal: AbortSignal): Promise<WhisperResult | undefined> {
    const { isWhole, meanLogprob = 0 } = this.#text;
    // The window would give a doubtful text again, and later than a decode as a file.
    if (!isWhole || isDoubtfulLogprob(meanLogprob)) return undefined;
    const startMs = performance.now();
    const language = this.#language ?? 'en';
    const audioFrames = this.#decodedFrames - this.#start;
    const window = await this.#decoder.encode(this.#mel, this.#start, audioFrames, signal);
    const encode = (performance.now() - startMs) / 1000;
    try {
      const request = { language, audioFrames, prompt: this.#prompt.tokens, decodesTwice: false };
      const draft = this.#text.committed;
      const decoded = await this.#decoder.decode(window, { ...request, committed: [], draft }, signal);
      const total = (performance.now() - startMs) / 1000;
      return refinedResult(this.#deps.tokenizer, decoded, {
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

  /** Whether the window holds uncommitted speech longer than a cough, or any text. */
  get #hasSpeech(): boolean {
    if (this.#text.hypothesis !== undefined || this.#text.committed.length > 0) return true;
    return this.#voice.lastVoicedFrame > this.#start && this.#voice.evidence.seconds >= MIN_SPEECH_SECONDS;
  }

  /** Whether there is speech since the last decode step, or no decode step yet. */
  get #hasNewSpeech(): boolean {
    return this.#voice.lastVoicedFrame > this.#decodedFrames || this.#text.hypothesis === undefined;
  }

  /** Whether some words of the hypothesis are new: decoding again with more silence after them may improve them. */
  get #hasUnstableWords(): boolean {
    return (
      this.#text.hypothesis?.agreementCount.some((agreementCount) => agreementCount < 2) === true &&
      this.#voice.silentSeconds < UTTERANCE_END_SECONDS
    );
  }

  get #audioSeconds(): number {
    return (this.#mel.contentFrames - this.#start) / FRAMES_PER_SECOND;
  }

  /** Decodes the window once. */
  async #decodeStep(signal: AbortSignal): Promise<void> {
    const audioFrames = this.#mel.contentFrames - this.#start;
    const window = await this.#decoder.encode(this.#mel, this.#start, audioFrames, signal);
    try {
      const language = await this.#languageOf(window);
      const { committed, hypothesis } = this.#text;
      const { evidence } = this.#voice;
      const request = { language, audioFrames, prompt: this.#prompt.tokens, evidence, decodesTwice: true };
      const draft = hypothesis?.tokens ?? [];
      const { rawHypothesis, places } = await this.#decoder.decode(
        window,
        { ...request, committed, draft },
        signal,
      );
      const positions = Math.floor(audioFrames / 2);
      const first = committed.length;
      const trimmed = Math.min(
        trimRereadTokens(places.attendedFrames, positions),
        trimRepeatedPhrases([...committed, ...rawHypothesis.tokens], places.attendedFrames, positions),
      );
      const last = isNoise(rawHypothesis, committed, evidence) ? first : Math.max(first, trimmed);
      this.#text.update({
        words: this.#wordsOf(rawHypothesis.tokens.slice(0, last - first)),
        logprobs: rawHypothesis.logprobs.slice(0, last - first),
        committedStarts: places.starts.slice(0, first),
        starts: places.starts.slice(first, last + 1),
        attendedFrames: places.attendedFrames.slice(first, last),
        audioFrames: positions,
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
    return new LiveWords(this.#deps.tokenizer, tokens, isSpaced(this.#language ?? 'en'));
  }

  async #languageOf(window: EncodedWindow): Promise<string> {
    this.#evidence = undefined;
    if (this.#isDetecting) {
      const { language, probability } = await this.#decoder.languageOf(window);
      const { seconds } = this.#voice.evidence;
      this.#evidence = { language, probability, seconds };
      this.#isDetecting = seconds < MIN_LANGUAGE_SECONDS;
      if (!this.#isLanguageFixed) this.#language = language;
      this.#isLanguageFixed ||= !this.#isDetecting || this.#text.committed.length > 0;
    }
    return this.#language ?? 'en';
  }

  /** Commits `count` tokens of the hypothesis. */
  #commit(count: number): LiveUpdate {
    const { hypothesis } = this.#text;
    const progress = { audioSeconds: this.#audioSeconds, isUncommitted: this.#text.committed.length === 0 };
    const shownCount = hypothesis
      ? tentativeCount(hypothesis, count, progress, this.#config.tentativeThresholds)
      : 0;
    const tentative = this.#text.tentative(count, shownCount);
    const offset = this.#start / FRAMES_PER_SECOND;
    const committed = this.#text.commit(count).map((word): Word => {
      this.#lastStart = Math.max(this.#lastStart, toCentiseconds(offset + word.start));
      const end = Math.max(this.#lastStart, toCentiseconds(offset + word.end));
      return { ...word, start: this.#lastStart, end };
    });
    const evidence = this.#evidence;
    this.#evidence = undefined;
    return { committed, tentative, ...defined({ language: this.#language, evidence }) };
  }

  /** Moves the start of the window forward and keeps some committed text in it. */
  #advanceWindow(): void {
    const advanced = this.#text.advanceWindow();
    if (advanced === undefined) return;
    this.#prompt.append(advanced.tokens);
    this.#moveStart(this.#start + 2 * advanced.frames);
  }

  /** Empties the window after an utterance, or while there is no speech. */
  #startUtterance(): void {
    this.#prompt.append(this.#text.clear());
    if (this.#voice.silentSeconds >= WINDOW_RESET_SECONDS) this.#voice.resetUtterance();
    this.#moveStart(this.#mel.contentFrames - SPEECH_LEAD_IN_FRAMES);
  }

  #moveStart(start: number): void {
    this.#start = Math.max(this.#start, start);
    this.#mel.drop(this.#start);
  }
}
