/** Measures the current and recent loudness for a meter, and detects a missing signal. */
import { SAMPLE_RATE } from '../protocol/live.js';

/** One bar of the meter. */
const STEP_SAMPLES = (80 * SAMPLE_RATE) / 1000;
const STEPS = 14;
const BARS = '▁▂▃▄▅▆▇█';
/** dB below full scale of the lowest and the highest bar: a quiet room, and a mouth close to the microphone. */
const QUIET_DB = -58;
const LOUD_DB = -12;
/** A muted or forbidden microphone delivers zeros, or the dither of a converter; a quiet room doesn't. */
const NO_SIGNAL_PEAK = 1;
/** Speakers pause for a while, even in a quiet room, but no room is digitally silent. */
const NO_SIGNAL_SAMPLES = 8 * SAMPLE_RATE;

export class LevelMeter {
  readonly #steps: number[] = [];
  #sumOfSquares = 0;
  #count = 0;
  #silent = 0;
  #total = 0;

  push(samples: Int16Array): void {
    for (const sample of samples) {
      this.#silent = Math.abs(sample) <= NO_SIGNAL_PEAK ? this.#silent + 1 : 0;
      this.#sumOfSquares += (sample / 32_768) ** 2;
      this.#count += 1;
      if (this.#count === STEP_SAMPLES) this.#step();
    }
    this.#total += samples.length;
  }

  get seconds(): number {
    return this.#total / SAMPLE_RATE;
  }

  /** Whether all audio was digital silence. */
  get isSilent(): boolean {
    return this.#silent === this.#total;
  }

  /** Seconds of digital silence until now; 0 while it is too short to report. */
  get noSignalSeconds(): number {
    return this.#silent >= NO_SIGNAL_SAMPLES ? this.#silent / SAMPLE_RATE : 0;
  }

  /** `▁▁▂▅▇▆▃▁`: the newest bar is on the right. */
  meter(): string {
    const bars = this.#steps.map((db) => {
      const part = Math.max(0, Math.min(1, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
      return BARS[Math.round(part * (BARS.length - 1))] ?? '';
    });
    return bars.join('').padStart(STEPS, '▁');
  }

  #step(): void {
    this.#steps.push(10 * Math.log10(this.#sumOfSquares / this.#count + 1e-12));
    if (this.#steps.length > STEPS) this.#steps.shift();
    this.#sumOfSquares = 0;
    this.#count = 0;
  }
}
