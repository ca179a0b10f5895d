/** How many samples of a dictation were received, stored or not: each counts once, in order, up to the limit. */
import { SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import { LIMITS } from '../../protocol/version.js';

/** Longer dictations are ended here. */
const MAX_SAMPLES = LIMITS.dictationSeconds * SAMPLE_RATE;

export class ReceivedSamples {
  #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= MAX_SAMPLES;
  }

  /**
   * Counts audio, s16le, that starts at the given sample.
   *
   * @returns the part that was not received before, up to the limit
   * @throws SottoError PROTOCOL if audio before it is missing
   */
  add(firstSample: number, pcm: Uint8Array): Uint8Array {
    const known = this.#count - firstSample;
    if (known < 0) {
      throw new SottoError(
        'PROTOCOL',
        `samples ${this.#count} to ${firstSample} of the dictation are missing`,
      );
    }
    const room = MAX_SAMPLES - this.#count;
    const fresh = pcm.subarray(known * BYTES_PER_SAMPLE).subarray(0, room * BYTES_PER_SAMPLE);
    this.#count += fresh.byteLength / BYTES_PER_SAMPLE;
    return fresh;
  }

  /** Counts all samples up to this one. @returns the new count */
  extendTo(samples: number): number {
    this.#count = Math.min(samples, MAX_SAMPLES);
    return this.#count;
  }

  /** @throws SottoError PROTOCOL unless these are all samples; more are possible beyond the limit */
  assertAll(samples: number): void {
    if (samples === this.#count || this.isFull) return;
    throw new SottoError(
      'PROTOCOL',
      `only ${this.#count} of ${samples} samples of the dictation were received`,
    );
  }
}

export function tooLongError(): SottoError {
  const hours = LIMITS.dictationSeconds / 3600;
  return new SottoError('DICTATION_TOO_LONG', `the dictation has ended: the limit is ${hours} hours`);
}
