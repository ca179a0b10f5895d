/** What voice activity says of speech that goes on. */
import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel.js';
import { FRAME_SAMPLES, type VadStream } from '#daemon/audio/vad/index.js';

/** From this probability on a frame is speech, and below that one it is none, as for files. */
const SPEAKS = 0.5;
const SILENT = 0.35;

export class Voice {
  readonly #stream: VadStream;
  #frames = 0;
  #lastVoiced = -1; // index of the frame behind it
  #speaking = false;

  constructor(stream: VadStream) {
    this.#stream = stream;
  }

  push(samples: Float32Array): void {
    for (const probability of this.#stream.push(samples)) {
      this.#frames++;
      if (probability >= SPEAKS || (this.#speaking && probability >= SILENT)) {
        this.#speaking = true;
        this.#lastVoiced = this.#frames;
      } else this.#speaking = false;
    }
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** Mel frames up to the end of the last speech; 0 if there was none. */
  get lastVoicedFrame(): number {
    return this.#lastVoiced < 0 ? 0 : Math.floor((this.#lastVoiced * FRAME_SAMPLES) / HOP_SAMPLES);
  }

  /** Seconds since somebody spoke; infinite if nobody did. */
  get silentSeconds(): number {
    if (this.#lastVoiced < 0) return Infinity;
    return ((this.#frames - this.#lastVoiced) * FRAME_SAMPLES) / SAMPLE_RATE;
  }
}
