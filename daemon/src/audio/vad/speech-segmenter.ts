/**
 * Turns speech probabilities into speech segments: a streaming version of Silero's `get_speech_timestamps`. Speech
 * starts when the probability reaches `threshold` and ends after it stayed below `negativeThreshold` for
 * `minSilenceMs`; values between the two thresholds change nothing.
 */
import { VAD_FRAME_SAMPLES } from '../../protocol/live.js';
import { DEFAULT_THRESHOLD, negativeThresholdOf } from './speech-options.js';

/** Samples per probability, 32 ms at 16 kHz; clients of the engine use it too. */
export const FRAME_SAMPLES = VAD_FRAME_SAMPLES;
const SAMPLES_PER_MS = 16;
/** A segment that is too long is split only in pauses longer than this. */
const MIN_SPLIT_PAUSE_SAMPLES = 98 * SAMPLES_PER_MS;

export interface SpeechOptions {
  /** A frame with at least this probability starts speech. */
  readonly threshold?: number;
  /** A frame below it may end speech. Default: 0.15 below the threshold, at least 0.01. */
  readonly negativeThreshold?: number;
  /** Shorter segments are dropped. */
  readonly minSpeechMs?: number;
  /** Shorter pauses are part of the surrounding speech. */
  readonly minSilenceMs?: number;
  /** Added at both ends; two segments closer than twice this share the gap. */
  readonly speechPadMs?: number;
  /** Longer segments are split in their longest pause, or at this length without one. */
  readonly maxSpeechSeconds?: number;
}

/** In samples at 16 kHz from the start of the audio; `end` is the first sample after it. */
export interface SpeechSegment {
  readonly start: number;
  readonly end: number;
}

/** Finds the speech segments of one stream of audio. */
export class SpeechSegmenter {
  readonly #threshold: number;
  readonly #negativeThreshold: number;
  readonly #minSpeechSamples: number;
  readonly #minSilenceSamples: number;
  readonly #padSamples: number;
  readonly #maxSpeechSamples: number;

  #frames = 0;
  /** Start of the current speech. */
  #speechStart: number | undefined;
  /** Start of the silence that may end it. */
  #silenceStart: number | undefined;
  /** Longest pause in it so far. */
  #pause: { start: number; samples: number } | undefined;
  /** The last segment, its start padded, its end not: the padding depends on what follows. */
  #pending: SpeechSegment | undefined;
  /** Unpadded end of the last segment: the padding of the next one reaches back at most half of the gap. */
  #lastEnd: number | undefined;
  /** Padded start of the current speech, once it is long enough to be kept. */
  #certainStart: number | undefined;

  constructor(options: SpeechOptions = {}) {
    const {
      threshold = DEFAULT_THRESHOLD,
      minSpeechMs = 250,
      minSilenceMs = 2000,
      speechPadMs = 400,
    } = options;
    this.#threshold = threshold;
    this.#negativeThreshold = negativeThresholdOf(options);
    this.#minSpeechSamples = minSpeechMs * SAMPLES_PER_MS;
    this.#minSilenceSamples = minSilenceMs * SAMPLES_PER_MS;
    this.#padSamples = speechPadMs * SAMPLES_PER_MS;
    // Including its padding and the frame that exceeds the limit, a segment is no longer than that.
    this.#maxSpeechSamples =
      (options.maxSpeechSeconds ?? Infinity) * 1000 * SAMPLES_PER_MS - FRAME_SAMPLES - 2 * this.#padSamples;
  }

  /** Adds the probabilities of the next frames; returns the segments that no later frame can change. */
  push(probabilities: ArrayLike<number>): SpeechSegment[] {
    const finished: SpeechSegment[] = [];
    for (let i = 0; i < probabilities.length; i++) {
      this.#step(probabilities[i] ?? 0, finished);
      this.#finishIfStable(finished);
    }
    return finished;
  }

  /**
   * Returns the remaining segments; the segmenter cannot be used afterwards. `audioSamples` is the length of the audio,
   * if its last frame was partial: no segment reaches beyond it.
   */
  end(audioSamples = this.#frames * FRAME_SAMPLES): SpeechSegment[] {
    const finished: SpeechSegment[] = [];
    const start = this.#speechStart;
    if (start !== undefined && audioSamples - start > this.#minSpeechSamples)
      this.#close(start, audioSamples, finished);
    if (this.#pending !== undefined) {
      const end = Math.floor(Math.min(audioSamples, this.#pending.end + this.#padSamples));
      finished.push({ start: this.#pending.start, end });
    }
    this.#pending = undefined;
    this.#speechStart = undefined;
    return finished;
  }

  /** Whether there is speech or a segment that is not final yet. */
  get isOpen(): boolean {
    return this.#pending !== undefined || this.#speechStart !== undefined;
  }

  /** All segments before this sample are final: every later one starts at it or after it. */
  get stableSamples(): number {
    const start = this.#pending?.start ?? this.#certainStart;
    return start ?? Math.max(0, (this.#speechStart ?? this.#frames * FRAME_SAMPLES) - this.#padSamples);
  }

  #step(probability: number, finished: SpeechSegment[]): void {
    const now = this.#frames++ * FRAME_SAMPLES;
    if (probability >= this.#threshold) {
      this.#endPause(now);
      if (this.#speechStart === undefined) {
        this.#speechStart = now;
        return;
      }
    }
    if (this.#speechStart === undefined) return;

    if (now - this.#speechStart > this.#maxSpeechSamples) {
      const pause = this.#pause;
      this.#close(this.#speechStart, pause?.start ?? now, finished);
      this.#reset(pause === undefined ? undefined : pause.start + pause.samples);
      if (pause === undefined) return; // this frame belongs to neither half, as in the reference
    }
    if (probability < this.#negativeThreshold && this.#speechStart !== undefined) {
      this.#silenceStart ??= now;
      if (now - this.#silenceStart < this.#minSilenceSamples) return;
      if (this.#silenceStart - this.#speechStart > this.#minSpeechSamples)
        this.#close(this.#speechStart, this.#silenceStart, finished);
      this.#reset(undefined);
    }
  }

  #endPause(now: number): void {
    if (this.#silenceStart === undefined) return;
    const samples = now - this.#silenceStart;
    if (samples > MIN_SPLIT_PAUSE_SAMPLES && samples > (this.#pause?.samples ?? 0))
      this.#pause = { start: this.#silenceStart, samples };
    this.#silenceStart = undefined;
  }

  #reset(speechStart: number | undefined): void {
    this.#speechStart = speechStart;
    this.#silenceStart = undefined;
    this.#pause = undefined;
    this.#certainStart = undefined;
  }

  /** Keeps the segment from `start` to `end`, unpadded. */
  #close(start: number, end: number, finished: SpeechSegment[]): void {
    const padded = this.#certainStart ?? this.#begin(start, finished);
    this.#pending = { start: padded, end };
    this.#lastEnd = end;
    this.#certainStart = undefined;
  }

  /** Starts a segment at `start`: finishes the previous one and returns the padded start. */
  #begin(start: number, finished: SpeechSegment[]): number {
    const between = this.#lastEnd === undefined ? Infinity : start - this.#lastEnd;
    const shared = between < 2 * this.#padSamples;
    if (this.#pending !== undefined) {
      const { start: previousStart, end } = this.#pending;
      finished.push({
        start: previousStart,
        end: Math.floor(end + (shared ? Math.floor(between / 2) : this.#padSamples)),
      });
      this.#pending = undefined;
    }
    return Math.floor(Math.max(0, start - (shared ? Math.floor(between / 2) : this.#padSamples)));
  }

  /** Finishes the pending segment as soon as later audio cannot change it. */
  #finishIfStable(finished: SpeechSegment[]): void {
    if (this.#pending === undefined) return;
    const { start, end } = this.#pending;
    const next = this.#speechStart ?? this.#frames * FRAME_SAMPLES; // earliest start of the next segment
    if (next - end >= 2 * this.#padSamples) {
      finished.push({ start, end: Math.floor(end + this.#padSamples) });
      this.#pending = undefined;
    } else if (this.#speechStart !== undefined && this.#isCertain(this.#speechStart)) {
      this.#certainStart = this.#begin(this.#speechStart, finished);
    }
  }

  /** Whether the current speech is long enough, wherever it ends. */
  #isCertain(start: number): boolean {
    const earliestEnd = this.#silenceStart ?? (this.#frames - 1) * FRAME_SAMPLES;
    return earliestEnd - start > this.#minSpeechSamples;
  }
}
