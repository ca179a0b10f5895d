/** What voice activity says of speech that goes on. */
import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import {
  CONTEXT_SAMPLES,
  FRAME_SAMPLES,
  type VadState,
  type VadStream,
  type VoiceActivity,
  type VoiceEvidence,
} from '#daemon/audio/vad/index.js';

/** From this probability on a frame is speech, and below that one it is none, as for files. */
const SPEECH_PROBABILITY = 0.5;
const SILENCE_PROBABILITY = 0.35;

/** What is known after a look. */
export interface VoiceState {
  /** Frames of 32 ms that were heard. */
  readonly frames: number;
  /** Of them, those up to the end of the last speech; 0 if there was none. */
  readonly speechEndFrames: number;
  readonly speaking: boolean;
  /** Of the frames since the utterance began: the highest probability, and how many are speech. */
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

  /** The first sample that one which goes on from here has to hear. */
  static fromSample({ frames }: Pick<VoiceState, 'frames'>): number {
    return frames === 0 ? 0 : frames * FRAME_SAMPLES - CONTEXT_SAMPLES;
  }

  push(samples: Float32Array): void {
    this.#pending.push(samples.slice());
  }

  /** Hears what was pushed, all at once: so the same looks hear the same to the last bit, whatever the pieces. */
  update(): void {
    const samples = new Float32Array(this.#pending.reduce((length, piece) => length + piece.length, 0));
    let at = 0;
    for (const piece of this.#pending) {
      samples.set(piece, at);
      at += piece.length;
    }
    this.#pending = [];
    for (const probability of this.#stream.push(samples)) {
      this.#frames++;
      this.#speaking =
        probability >= SPEECH_PROBABILITY || (this.#speaking && probability >= SILENCE_PROBABILITY);
      if (this.#speaking) this.#speechEndFrames = this.#frames;
      if (probability >= SPEECH_PROBABILITY) this.#speechFrames++;
      this.#maxProbability = Math.max(this.#maxProbability, probability);
    }
  }

  /** An utterance is over: what comes is another one. */
  begin(): void {
    this.#maxProbability = 0;
    this.#speechFrames = 0;
  }

  /** How sure it is that somebody spoke since the utterance began. */
  get evidence(): VoiceEvidence {
    return {
      maxProbability: this.#maxProbability,
      seconds: (this.#speechFrames * FRAME_SAMPLES) / SAMPLE_RATE,
    };
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** Mel frames up to the end of the last speech; 0 if there was none. */
  get lastVoicedFrame(): number {
    return Math.floor((this.#speechEndFrames * FRAME_SAMPLES) / HOP_SAMPLES);
  }

  /** Seconds since somebody spoke; infinite if nobody did. */
  get silentSeconds(): number {
    if (this.#speechEndFrames === 0) return Infinity;
    return ((this.#frames - this.#speechEndFrames) * FRAME_SAMPLES) / SAMPLE_RATE;
  }
}
