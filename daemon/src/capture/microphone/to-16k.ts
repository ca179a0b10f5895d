/** Converts audio of any sample rate to Sotto's 16 kHz. */
import { SAMPLE_RATE } from '../../protocol/live.js';
import { toPcm16 } from '../../signal/pcm16.js';
import { Resampler } from '../../signal/resample.js';

const FULL_SCALE = 32_768;

export class To16k {
  readonly #resampler: Resampler | undefined;

  /** @param rate input samples a second; 16 kHz input passes through unchanged */
  constructor(rate: number) {
    this.#resampler = rate === SAMPLE_RATE ? undefined : new Resampler(rate, SAMPLE_RATE);
  }

  /** 16-bit in, 16-bit at 16 kHz out: all samples that the audio so far determines. */
  push(samples: Int16Array): Int16Array {
    if (this.#resampler === undefined) return samples;
    return toPcm16(this.#resampler.push(Float32Array.from(samples, (sample) => sample / FULL_SCALE)));
  }

  /** The last samples, as if silence followed. */
  flush(): Int16Array {
    return this.#resampler === undefined ? new Int16Array() : toPcm16(this.#resampler.flush());
  }
}
