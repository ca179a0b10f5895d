/** What voice activity says of speech that goes on. */
import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel.js';
import {
  CONTEXT_SAMPLES,
  FRAME_SAMPLES,
  type VadMemory,
  type VadStream,
  type VoiceActivity,
  type VoiceEvidence,
} from '#daemon/audio/vad/index.js';

/** From this probability on a frame is speech, and below that one it is none, as for files. */
const SPEAKS = 0.5;
const SILENT = 0.35;

/** What is known after a look. */
export interface VoiceState {
  /** Frames of 32 ms that were heard. */
  readonly frames: number;
  /** Of them, those up to the end of the last speech; 0 if there was none. */
  readonly voiced: number;
  readonly speaking: boolean;
  /** Of the frames since the utterance began: the highest probability, and how many are speech. */
  readonly surest: number;
  readonly spoken: number;
  readonly memory: VadMemory;
}

export class Voice {
  readonly #stream: VadStream;
  #pending: Float32Array[] = [];
  #frames: number;
  #voiced: number;
  #speaking: boolean;
  #surest: number;
  #spoken: number;

  constructor(activity: Pick<VoiceActivity, 'stream'>, from?: VoiceState) {
    this.#stream = activity.stream(from && from.frames > 0 ? from.memory : undefined);
    this.#frames = from?.frames ?? 0;
    this.#voiced = from?.voiced ?? 0;
    this.#speaking = from?.speaking ?? false;
    this.#surest = from?.surest ?? 0;
    this.#spoken = from?.spoken ?? 0;
  }

  get state(): VoiceState {
    return {
      frames: this.#frames,
      voiced: this.#voiced,
      speaking: this.#speaking,
      surest: this.#surest,
      spoken: this.#spoken,
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
  look(): void {
    const samples = new Float32Array(this.#pending.reduce((length, piece) => length + piece.length, 0));
    let at = 0;
    for (const piece of this.#pending) {
      samples.set(piece, at);
      at += piece.length;
    }
    this.#pending = [];
    for (const probability of this.#stream.push(samples)) {
      this.#frames++;
      this.#speaking = probability >= SPEAKS || (this.#speaking && probability >= SILENT);
      if (this.#speaking) this.#voiced = this.#frames;
      if (probability >= SPEAKS) this.#spoken++;
      this.#surest = Math.max(this.#surest, probability);
    }
  }

  /** An utterance is over: what comes is another one. */
  begin(): void {
    this.#surest = 0;
    this.#spoken = 0;
  }

  /** How sure it is that somebody spoke since the utterance began. */
  get evidence(): VoiceEvidence {
    return { surest: this.#surest, seconds: (this.#spoken * FRAME_SAMPLES) / SAMPLE_RATE };
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** Mel frames up to the end of the last speech; 0 if there was none. */
  get lastVoicedFrame(): number {
    return Math.floor((this.#voiced * FRAME_SAMPLES) / HOP_SAMPLES);
  }

  /** Seconds since somebody spoke; infinite if nobody did. */
  get silentSeconds(): number {
    if (this.#voiced === 0) return Infinity;
    return ((this.#frames - this.#voiced) * FRAME_SAMPLES) / SAMPLE_RATE;
  }
}
