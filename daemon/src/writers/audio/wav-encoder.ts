import { defined } from '../../protocol/defined.js';
import { wavData, wavHeader, type WavFormat } from '../../signal/wav-format.js';
import type { AudioFileEncoder } from './audio-file-encoder.js';

export class WavEncoder implements AudioFileEncoder {
  readonly #sampleRate: number;
  readonly #format: WavFormat;
  #written = 0;

  /** @param sampleRate in Hz */
  constructor(sampleRate: number, format: WavFormat) {
    this.#sampleRate = sampleRate;
    this.#format = format;
  }

  begin(): Uint8Array {
    return this.#header();
  }

  encode(samples: Float32Array): Uint8Array {
    this.#written += samples.length;
    return wavData(samples, this.#format);
  }

  finish(): { tail: Uint8Array; head: Uint8Array } {
    return { tail: new Uint8Array(0), head: this.#header(this.#written) };
  }

  free(): void {
    // holds no memory of its own
  }

  #header(samples?: number): Uint8Array {
    return wavHeader({ sampleRate: this.#sampleRate, format: this.#format, ...defined({ samples }) });
  }
}
