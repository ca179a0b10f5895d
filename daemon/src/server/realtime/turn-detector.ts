/**
 * Finds the start and end of turns from the voice probability of each frame. It counts samples instead of time, so that the
 * same audio gives the same turns at any speed.
 */
import { VAD_FRAME_SAMPLES } from '../../protocol/live.js';

/** Voice ends only this far below the threshold, because its probability fluctuates. */
const END_HYSTERESIS = 0.15;
/** 96 ms; a click is shorter. */
const MIN_TURN_FRAMES = 3;
/** Voice frames further apart than this are separate clicks. */
const MAX_GAP_SAMPLES = 3_200;

export interface TurnSettings {
  /** A frame with at least this probability is voice. */
  readonly threshold: number;
  /** Samples of the turn before its voice. */
  readonly prefixSamples: number;
  /** Silence after which the turn ends; it belongs to the turn. */
  readonly silenceSamples: number;
}

/** `at`: position in the stream, in samples. */
export interface TurnMark {
  readonly type: 'started' | 'stopped';
  readonly at: number;
}

export class TurnDetector {
  settings: TurnSettings;
  #processed: number;
  /** Earliest start of the next turn: the end of the previous one, or the start of the stream. */
  #floor: number;
  #speaking: boolean;
  /** Start of a possible turn. */
  #begin: number | undefined;
  #voiced = 0;
  /** End of the last frame of voice. */
  #voicedTo: number;

  /**
   * @param from position of the first frame
   * @param speaking whether a turn is active there
   */
  constructor(settings: TurnSettings, from: number, speaking = false) {
    this.settings = settings;
    this.#processed = this.#floor = this.#voicedTo = from;
    this.#speaking = speaking;
    if (speaking) this.#begin = from;
  }

  /** Position up to which the frames are processed. */
  get processed(): number {
    return this.#processed;
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  push(probabilities: readonly number[]): TurnMark[] {
    return probabilities.flatMap((probability) => this.#frame(probability));
  }

  #frame(probability: number): TurnMark[] {
    const { threshold, prefixSamples, silenceSamples } = this.settings;
    const start = this.#processed;
    const end = (this.#processed = start + VAD_FRAME_SAMPLES);
    const going = this.#voicedTo === start && this.#begin !== undefined;
    if (probability >= threshold || (going && probability >= threshold - END_HYSTERESIS)) {
      this.#begin ??= start;
      this.#voicedTo = end;
      if (probability >= threshold) this.#voiced += 1;
      if (this.#speaking || this.#voiced < MIN_TURN_FRAMES) return [];
      this.#speaking = true;
      return [{ type: 'started', at: Math.max(this.#floor, this.#begin - prefixSamples) }];
    }
    const silent = end - this.#voicedTo;
    if (this.#speaking && silent >= silenceSamples) {
      this.#floor = Math.max(start, this.#voicedTo + silenceSamples);
      this.#speaking = false;
      this.#forget();
      return [{ type: 'stopped', at: this.#floor }];
    }
    if (!this.#speaking && silent >= MAX_GAP_SAMPLES) this.#forget();
    return [];
  }

  #forget(): void {
    this.#begin = undefined;
    this.#voiced = 0;
  }
}
