/**
 * Live text by a family that decodes pieces: each update decodes the open utterance again, and commits the words that
 * consecutive decodes agree on. An utterance ends with a pause, or when it becomes too long.
 */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { FRAME_SAMPLES } from '#daemon/audio/vad/index.js';
import { defined } from '#daemon/protocol/defined.js';
import type { TranscribeResult, Word } from '#daemon/protocol/transcription.js';

import { isInvented } from '../pieces/invented-text.js';
import type { SpeechPiece } from '../pieces/piece-decoder.js';
import { checkedLanguage, checkPieceOptions } from '../pieces/piece-options.js';
import { placeTokens } from '../pieces/piece-segments.js';
import { SampleBuffer } from '../pieces/sample-buffer.js';
import { spansWithin, type FrameRange, bestCut, snapToPause } from '../pieces/speech-spans.js';
import { UNKNOWN_LANGUAGE, type PieceDeps } from '../pieces/transcribe-pieces.js';
import { Stopwatch } from '../stopwatch.js';
import { isSpaced } from '../text/word-spacing.js';
import { isResultCertainEnough } from './offline-certainty.js';
import { commitWhen, type CommitPolicy, tentativeCount, type TentativeThresholds } from './commit-policy.js';
import { firstSampleOf, packPieces, unpackPieces } from './live-pieces-state.js';
import { LivePiecesText } from './live-pieces-text.js';
import type { LiveCheckpoint, LiveSpeech, LiveSpeechOptions, LiveUpdate } from './live-speech.js';
import { VoiceTracker } from './voice-tracker.js';

/** Kept before detected speech: its onset is too quiet for the VAD. */
const LEAD_IN_SAMPLES = 0.5 * SAMPLE_RATE;
/** Decoded after speech: a last sound is quiet, too, and silence shows that a word is whole. */
const TRAILING_SAMPLES = 0.4 * SAMPLE_RATE;
/** Silence after which no more audio can change the last words. */
const MIN_PAUSE_SECONDS = 0.3;
/** Silence after which the utterance is over. */
const UTTERANCE_END_SECONDS = 1;
/** Less than this is not counted as speech. */
const MIN_SPEECH_SECONDS = 0.2;
/** A longer utterance without a place to cut is cut by force. */
const MAX_UNCUT_SECONDS = 24;

export interface LivePiecesConfig {
  readonly policy: CommitPolicy;
  readonly tentativeThresholds: TentativeThresholds;
  /** A longer utterance loses some of its committed text. */
  readonly maxWindowSeconds: number;
}

/** Two decodes must agree on a word; where they don't, words are committed once they are old, since later ones wait. */
const DEFAULT_CONFIG: LivePiecesConfig = {
  policy: commitWhen(
    { edgeFrames: 20, agreementCount: 2, probability: 0.6 },
    { edgeFrames: 30, agreementCount: 3, probability: 0.3 },
    { edgeFrames: 100, agreementCount: 2 },
    { edgeFrames: 150 },
  ),
  tentativeThresholds: { minAudioSeconds: 0.6, edgeFrames: -1, probability: 0.3, minFirstProbability: 0.3 },
  maxWindowSeconds: 12,
};

export interface LivePiecesDeps extends PieceDeps {
  /** Identifies models that may share checkpoints. */
  readonly checkpointKey: string;
  readonly config?: Partial<LivePiecesConfig>;
}

export class LivePieces implements LiveSpeech {
  readonly #deps: LivePiecesDeps;
  readonly #config: LivePiecesConfig;
  readonly #language: string | undefined;
  readonly #isSpaced: boolean;
  readonly #stopwatch = new Stopwatch();
  readonly #buffer: SampleBuffer;
  readonly #voice: VoiceTracker;
  /** The first sample that the VAD needs. */
  readonly #vadFrom: number;
  readonly #text: LivePiecesText;
  readonly #maxSamples: number;
  readonly #maxWindowSeconds: number;
  /** Sample where the utterance starts, and where the audio of the last decode ended. */
  #start: number;
  #decodedEnd: number;
  /** Start of the last committed word: keeps times ascending, although each decode places words slightly differently. */
  #lastStart: number;
  /** Speech since the utterance began, in VAD frames. */
  #spans: FrameRange[];
  #vadFrames: number;

  /** @throws SottoError INVALID_ARGUMENT for options that the model does not have, and for a checkpoint of another model */
  constructor(deps: LivePiecesDeps, options: LiveSpeechOptions, checkpoint?: LiveCheckpoint) {
    checkPieceOptions(options, deps.capabilities);
    const from = checkpoint && unpackPieces(checkpoint, deps.checkpointKey);
    this.#deps = deps;
    this.#config = { ...DEFAULT_CONFIG, ...deps.config };
    this.#language = checkedLanguage(options.language, deps.capabilities.languages);
    this.#isSpaced = isSpaced(this.#language ?? UNKNOWN_LANGUAGE);
    this.#buffer = new SampleBuffer(from && firstSampleOf(from));
    this.#voice = new VoiceTracker(deps.voice, from?.voice);
    this.#vadFrom = from ? VoiceTracker.fromSample(from.voice) : 0;
    this.#text = new LivePiecesText(this.#isSpaced, from?.text);
    const { maxSeconds } = deps.decoder;
    this.#maxSamples = Math.floor(Math.min(MAX_UNCUT_SECONDS, maxSeconds) * SAMPLE_RATE);
    this.#maxWindowSeconds = Math.min(this.#config.maxWindowSeconds, maxSeconds / 2);
    this.#start = from?.start ?? 0;
    this.#decodedEnd = from?.decodedEnd ?? 0;
    this.#lastStart = from?.lastStart ?? 0;
    this.#spans = [...(from?.spans ?? [])];
    this.#vadFrames = from?.voice.frames ?? 0;
  }

  get speaking(): boolean {
    return this.#voice.speaking;
  }

  get hasText(): boolean {
    return this.#text.meanLogprob !== undefined;
  }

  prefers(result: TranscribeResult): boolean {
    return isResultCertainEnough(result, this.#text.meanLogprob);
  }

  push(samples: Float32Array): void {
    const skipped = Math.max(0, this.#vadFrom - this.#buffer.end);
    this.#buffer.push(samples);
    this.#voice.push(samples.subarray(Math.min(samples.length, skipped)));
  }

  checkpoint(): LiveCheckpoint {
    const state = {
      start: this.#start,
      decodedEnd: this.#decodedEnd,
      lastStart: this.#lastStart,
      spans: [...this.#spans],
      text: this.#text.state,
      voice: this.#voice.state,
    };
    return packPieces(state, this.#deps.checkpointKey);
  }

  async update(signal: AbortSignal): Promise<LiveUpdate> {
    this.#trackVoice();
    if (!this.#hasSpeech) {
      this.#startUtterance();
      return this.#updateOf([], '');
    }
    const words = await this.#closeLong(signal);
    if (this.#isDecodeDue) await this.#decode(this.#speechEnd, signal);
    const { hypothesis, decodeSteps, isUncommitted } = this.#text;
    const audioSeconds = (this.#buffer.end - this.#start) / SAMPLE_RATE;
    const isOver = this.#voice.silentSeconds >= UTTERANCE_END_SECONDS;
    const count = isOver
      ? hypothesis.tokens.length
      : this.#text.withoutLastMarks(
          this.#config.policy({
            hypothesis,
            isFirstStep: decodeSteps === 1,
            audioSeconds,
            isPaused: this.#isPaused,
          }),
        );
    const progress = { audioSeconds, isUncommitted };
    const shown = tentativeCount(hypothesis, count, progress, this.#config.tentativeThresholds);
    const tentative = isOver ? '' : this.#text.tentative(count, shown);
    words.push(...this.#commit(count));
    if (isOver) this.#startUtterance();
    else if (audioSeconds > this.#maxWindowSeconds) this.#advance();
    return this.#updateOf(words, tentative);
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    this.#trackVoice();
    if (!this.#hasSpeech) return this.#updateOf([], '');
    const words = await this.#closeLong(signal);
    if (this.#isDecodeDue) await this.#decode(this.#speechEnd, signal);
    words.push(...this.#commit(this.#text.hypothesis.tokens.length));
    return this.#updateOf(words, '');
  }

  dispose(): void {
    // The weights and the VAD belong to the model.
  }

  get #isPaused(): boolean {
    return this.#voice.silentSeconds > MIN_PAUSE_SECONDS;
  }

  /** Whether the utterance holds speech longer than a cough, or any text. */
  get #hasSpeech(): boolean {
    if (!this.#text.isEmpty) return true;
    const last = this.#spans.at(-1);
    return last !== undefined && this.#voice.evidence.seconds >= MIN_SPEECH_SECONDS;
  }

  /** The sample up to which the utterance is decoded. */
  get #speechEnd(): number {
    const last = (this.#spans.at(-1)?.end ?? 0) * FRAME_SAMPLES;
    const end = this.#voice.speaking ? this.#buffer.end : last + TRAILING_SAMPLES;
    return Math.min(this.#buffer.end, end);
  }

  get #isDecodeDue(): boolean {
    return this.#speechEnd > Math.max(this.#decodedEnd, this.#start);
  }

  #updateOf(committed: readonly Word[], tentative: string): LiveUpdate {
    return { committed, tentative, ...defined({ language: this.#language }) };
  }

  #trackVoice(): void {
    for (const isSpeech of this.#voice.update()) {
      const start = this.#vadFrames++;
      if (!isSpeech) continue;
      const last = this.#spans.at(-1);
      if (last?.end === start) this.#spans[this.#spans.length - 1] = { start: last.start, end: start + 1 };
      else this.#spans.push({ start, end: start + 1 });
    }
  }

  /** Decodes the utterance up to a sample. */
  async #decode(end: number, signal: AbortSignal): Promise<void> {
    const piece = this.#pieceUntil(end);
    const { decoder } = this.#deps;
    const context = { language: this.#language, stopwatch: this.#stopwatch };
    const decoded = await decoder.decode(piece, context, signal);
    const isDropped = this.#text.isUncommitted && isInvented(decoded, piece.evidence);
    this.#text.update({
      tokens: isDropped ? [] : placeTokens(decoded, piece, this.#isSpaced),
      audioSeconds: this.#buffer.end / SAMPLE_RATE,
      ended: this.#isPaused,
    });
    this.#decodedEnd = end;
  }

  #pieceUntil(end: number): SpeechPiece {
    return {
      start: this.#start,
      samples: this.#buffer.read(this.#start, end),
      spoken: spansWithin(this.#spans, this.#start, end),
      evidence: this.#voice.evidence,
    };
  }

  /** Commits `count` tokens of the hypothesis. */
  #commit(count: number): Word[] {
    return this.#text.commit(count).map((word): Word => {
      this.#lastStart = Math.max(this.#lastStart, word.start);
      return { ...word, start: this.#lastStart, end: Math.max(this.#lastStart, word.end) };
    });
  }

  /** Cuts an utterance that is too long to be decoded at once, and commits what is before the cuts. */
  async #closeLong(signal: AbortSignal): Promise<Word[]> {
    const words: Word[] = [];
    while (this.#speechEnd - this.#start > this.#maxSamples) {
      const [from, to] = [this.#start + (this.#maxSamples >> 1), this.#start + this.#maxSamples];
      const cut = bestCut(this.#spans, from, to, (first, end) => this.#buffer.read(first, end));
      await this.#decode(cut, signal);
      words.push(...this.#commit(this.#text.hypothesis.tokens.length));
      this.#text.dropBefore(cut / SAMPLE_RATE);
      this.#moveStart(cut);
    }
    return words;
  }

  /** Moves the start of the utterance forward and keeps some committed text in it. */
  #advance(): void {
    const start = this.#text.advance(this.#start / SAMPLE_RATE);
    if (start !== undefined) this.#moveStart(snapToPause(this.#spans, Math.floor(start * SAMPLE_RATE)));
  }

  /** Ends the utterance, or moves its start while there is no speech. */
  #startUtterance(): void {
    this.#text.clear();
    if (this.#voice.silentSeconds >= UTTERANCE_END_SECONDS) {
      this.#voice.resetUtterance();
      this.#spans = [];
    }
    this.#moveStart(this.#buffer.end - LEAD_IN_SAMPLES);
  }

  #moveStart(start: number): void {
    this.#start = Math.max(this.#start, start);
    const frame = Math.floor(this.#start / FRAME_SAMPLES);
    this.#spans = this.#spans.filter(({ end }) => end > frame);
    this.#buffer.drop(this.#start);
  }
}
