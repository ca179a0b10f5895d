/**
 * Where somebody begins and stops to speak, from how probable voice is in each frame. Counts samples, never a clock: the same
 * audio has the same turns however fast it comes.
 */
import { VAD_FRAME_SAMPLES } from '../../protocol/live.js';

/** So far below the threshold voice must fall to be over: it wavers around one. */
const END_HYSTERESIS = 0.15;
/** Frames of voice that are a turn, 96 ms: a click is shorter. */
const MIN_TURN_FRAMES = 3;
/** So much silence makes two clicks of it. */
const MAX_GAP_SAMPLES = 3_200;

export interface TurnSettings {
  /** Probability from which on a frame is voice. */
  readonly threshold: number;
  /** A turn begins so much before its voice. */
  readonly prefixSamples: number;
  /** It is over after so much silence, which belongs to it. */
  readonly silenceSamples: number;
}

/** At a sample of the stream. */
export interface TurnMark {
  readonly type: 'started' | 'stopped';
  readonly at: number;
}

export class TurnDetector {
  settings: TurnSettings;
  #processed: number;
  /** No turn begins before this: there the one before ended, or the stream begins. */
  #floor: number;
  #speaking: boolean;
  /** What may become a turn. */
  #begin: number | undefined;
  #voiced = 0;
  /** End of the last frame of voice. */
  #voicedTo: number;

  /**
   * @param from sample at which the first frame begins
   * @param speaking whether a turn is under way there
   */
  constructor(settings: TurnSettings, from: number, speaking = false) {
    this.settings = settings;
    this.#processed = this.#floor = this.#voicedTo = from;
    this.#speaking = speaking;
    if (speaking) this.#begin = from;
  }

  /** The sample up to which it is known who speaks. */
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
