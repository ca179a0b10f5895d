/** Voice activity of a live session. */
import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import {
  CONTEXT_SAMPLES,
  FRAME_SAMPLES,
  type VadState,
  type VadStream,
  type VoiceActivity,
  type VoiceEvidence,
} from '#daemon/audio/vad/index.js';

/** Speech starts at the first probability and ends below the second, as for files. */
const SPEECH_PROBABILITY = 0.5;
const SILENCE_PROBABILITY = 0.35;

export interface VoiceState {
  /** Frames of 32 ms processed so far. */
  readonly frames: number;
  /** Frames up to the end of the last speech; 0 if there was none. */
  readonly speechEndFrames: number;
  readonly speaking: boolean;
  /** Since the utterance began: the highest probability, and the number of speech frames. */
  readonly maxProbability: number;
  readonly speechFrames: number;
  readonly memory: VadState;
}

export class VoiceTracker {
  readonly #stream: VadStream;
  #pending: Float32Array[] = [];
  #frames: number;
  #speechEndFrames: number;
  #speaking: boolean;
  #maxProbability: number;
  #speechFrames: number;

  constructor(activity: Pick<VoiceActivity, 'stream'>, from?: VoiceState) {
    this.#stream = activity.stream(from && from.frames > 0 ? from.memory : undefined);
    this.#frames = from?.frames ?? 0;
    this.#speechEndFrames = from?.speechEndFrames ?? 0;
    this.#speaking = from?.speaking ?? false;
    this.#maxProbability = from?.maxProbability ?? 0;
    this.#speechFrames = from?.speechFrames ?? 0;
  }

  get state(): VoiceState {
    return {
      frames: this.#frames,
      speechEndFrames: this.#speechEndFrames,
      speaking: this.#speaking,
      maxProbability: this.#maxProbability,
      speechFrames: this.#speechFrames,
      memory: this.#stream.memory,
    };
  }

  /** The first sample needed to continue from a state. */
  static fromSample({ frames }: Pick<VoiceState, 'frames'>): number {
    return frames === 0 ? 0 : frames * FRAME_SAMPLES - CONTEXT_SAMPLES;
  }

  push(samples: Float32Array): void {
    this.#pending.push(samples.slice());
  }

  /**
   * Processes all pushed samples in one call: results then depend on the update times, not on the chunk sizes, to the last
   * bit.
   *
   * @returns whether each new frame of 32 ms is in speech
   */
  update(): boolean[] {
    const samples = new Float32Array(this.#pending.reduce((length, piece) => length + piece.length, 0));
    let at = 0;
    for (const piece of this.#pending) {
      samples.set(piece, at);
      at += piece.length;
    }
    this.#pending = [];
    return Array.from(this.#stream.push(samples), (probability) => {
      this.#frames++;
      this.#speaking =
        probability >= SPEECH_PROBABILITY || (this.#speaking && probability >= SILENCE_PROBABILITY);
      if (this.#speaking) this.#speechEndFrames = this.#frames;
      if (probability >= SPEECH_PROBABILITY) this.#speechFrames++;
      this.#maxProbability = Math.max(this.#maxProbability, probability);
      return this.#speaking;
    });
  }

  /** Starts a new utterance. */
  resetUtterance(): void {
    this.#maxProbability = 0;
    this.#speechFrames = 0;
  }

  /** Evidence of speech since the utterance began. */
  get evidence(): VoiceEvidence {
    return {
      maxProbability: this.#maxProbability,
      seconds: (this.#speechFrames * FRAME_SAMPLES) / SAMPLE_RATE,
    };
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** VAD frames up to the end of the last speech; 0 if there was none. */
  get speechEndFrames(): number {
    return this.#speechEndFrames;
  }

  /** Mel frames up to the end of the last speech; 0 if there was none. */
  get lastVoicedFrame(): number {
    return Math.floor((this.#speechEndFrames * FRAME_SAMPLES) / HOP_SAMPLES);
  }

  /** Seconds since the last speech; infinite if there was none. */
  get silentSeconds(): number {
    if (this.#speechEndFrames === 0) return Infinity;
    return ((this.#frames - this.#speechEndFrames) * FRAME_SAMPLES) / SAMPLE_RATE;
  }
}
