/** Audio of any rate as all of Sotto hears it. */
import { SAMPLE_RATE } from '../../protocol/live.js';
import { toPcm16 } from '../../signal/pcm16.js';
import { Resampler } from '../../signal/resample.js';

const FULL_SCALE = 32_768;

export class To16k {
  readonly #resampler: Resampler | undefined;

  /** @param rate samples a second of what comes in; what has 16 kHz already stays as it is, sample by sample */
  constructor(rate: number) {
    this.#resampler = rate === SAMPLE_RATE ? undefined : new Resampler(rate, SAMPLE_RATE);
  }

  /** 16-bit in, 16-bit at 16 kHz out: all that is determined by the audio so far. */
  push(samples: Int16Array): Int16Array {
    if (this.#resampler === undefined) return samples;
    return toPcm16(this.#resampler.push(Float32Array.from(samples, (sample) => sample / FULL_SCALE)));
  }

  /** The end, with silence behind it. */
  flush(): Int16Array {
    return this.#resampler === undefined ? new Int16Array() : toPcm16(this.#resampler.flush());
  }
}
