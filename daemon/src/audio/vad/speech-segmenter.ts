/**
 * From speech probabilities to stretches of speech: a state machine that gives, piece by piece, what Silero's
 * `get_speech_timestamps` gives for the whole. Speech begins where the probability reaches `threshold` and ends
 * where it stayed below `negativeThreshold` for `minSilenceMs`; what lies between the two changes nothing.
 */
import { VAD_FRAME_SAMPLES } from '../../protocol/live.js';
import { DEFAULT_THRESHOLD, negativeThresholdOf } from './speech-options.js';

/** What one probability stands for, 32 ms at 16 kHz: clients of the engine count by it, too. */
export const FRAME_SAMPLES = VAD_FRAME_SAMPLES;
const SAMPLES_PER_MS = 16;
/** Pauses up to this length are no place to cut an overlong stretch. */
const MIN_SPLIT_PAUSE_SAMPLES = 98 * SAMPLES_PER_MS;

export interface SpeechOptions {
  /** From this probability on, a frame starts speech. */
  readonly threshold?: number;
  /** Below it, a frame may end speech. 0.15 under the threshold if left out, at least 0.01. */
  readonly negativeThreshold?: number;
  /** Shorter stretches are dropped. */
  readonly minSpeechMs?: number;
  /** Shorter pauses belong to the speech around them. */
  readonly minSilenceMs?: number;
  /** Added at both ends; two stretches that come closer than twice this share what is between them. */
  readonly speechPadMs?: number;
  /** Longer stretches are cut in their longest pause, or where they are if they have none. */
  readonly maxSpeechSeconds?: number;
}

/** In samples at 16 kHz from the start of the audio; `end` is the first sample after it. */
export interface SpeechSegment {
  readonly start: number;
  readonly end: number;
}

/** The cutter of one stream of audio. */
export class SpeechSegmenter {
  readonly #threshold: number;
  readonly #negativeThreshold: number;
  readonly #minSpeechSamples: number;
  readonly #minSilenceSamples: number;
  readonly #padSamples: number;
  readonly #maxSpeechSamples: number;

  #frames = 0;
  /** Where the speech that goes on began. */
  #speechStart: number | undefined;
  /** Where the silence that may end it began. */
  #silenceStart: number | undefined;
  /** The longest pause in it so far. */
  #pause: { start: number; samples: number } | undefined;
  /** The last stretch, its start padded, its end not: how far it may reach depends on what follows. */
  #pending: SpeechSegment | undefined;
  /** Unpadded end of the last stretch: the padding of the next one may not reach further back than half way. */
  #lastEnd: number | undefined;
  /** Start, padded, of the speech that goes on, once it is certain to be kept. */
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
    // With its padding and the frame that passes the limit, a stretch is no longer than that.
    this.#maxSpeechSamples =
      (options.maxSpeechSeconds ?? Infinity) * 1000 * SAMPLES_PER_MS - FRAME_SAMPLES - 2 * this.#padSamples;
  }

  /** Takes the probabilities of the next frames; gives the stretches that no later frame can change. */
  push(probabilities: ArrayLike<number>): SpeechSegment[] {
    const finished: SpeechSegment[] = [];
    for (let i = 0; i < probabilities.length; i++) {
      this.#step(probabilities[i] ?? 0, finished);
      this.#finishIfStable(finished);
    }
    return finished;
  }

  /**
   * Gives the rest. `audioSamples` is how long the audio was, if its last frame was not whole: nothing reaches
   * further. The cutter is of no use afterwards.
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

  /** Whether something goes on that may become, or join, a stretch. */
  get isOpen(): boolean {
    return this.#pending !== undefined || this.#speechStart !== undefined;
  }

  /** Nothing before this sample changes any more: every stretch to come begins at it or later. */
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
      if (pause === undefined) return; // this frame is lost between the two halves, as in the reference
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

  /** The stretch from `start` to `end`, unpadded, is one to keep. */
  #close(start: number, end: number, finished: SpeechSegment[]): void {
    const padded = this.#certainStart ?? this.#begin(start, finished);
    this.#pending = { start: padded, end };
    this.#lastEnd = end;
    this.#certainStart = undefined;
  }

  /** A stretch that is to be kept begins at `start`: finishes the one before it; returns the padded start. */
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

  /** Finishes the stretch that waits as soon as what follows cannot change it any more. */
  #finishIfStable(finished: SpeechSegment[]): void {
    if (this.#pending === undefined) return;
    const { start, end } = this.#pending;
    const next = this.#speechStart ?? this.#frames * FRAME_SAMPLES; // the earliest start of what follows
    if (next - end >= 2 * this.#padSamples) {
      finished.push({ start, end: Math.floor(end + this.#padSamples) });
      this.#pending = undefined;
    } else if (this.#speechStart !== undefined && this.#isCertain(this.#speechStart)) {
      this.#certainStart = this.#begin(this.#speechStart, finished);
    }
  }

  /** Whether the speech that goes on will be long enough, wherever it ends. */
  #isCertain(start: number): boolean {
    const earliestEnd = this.#silenceStart ?? (this.#frames - 1) * FRAME_SAMPLES;
    return earliestEnd - start > this.#minSpeechSamples;
  }
}
