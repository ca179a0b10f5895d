import {
  EIGHT_SHORT,
  FRAME_SAMPLES,
  LONG_START,
  LONG_STOP,
  SHORT_WINDOW_SAMPLES,
  type WindowInfo,
} from './channel-stream.js';
import { InverseMdct } from './mdct.js';
import { besselI0 } from '../../signal/bessel.js';

const longTransform = new InverseMdct(FRAME_SAMPLES);
const shortTransform = new InverseMdct(SHORT_WINDOW_SAMPLES);

/** The rising half of each window, by shape: 0 sine, 1 Kaiser-Bessel derived (§4.6.11.3). */
const LONG_WINDOWS = [sineHalf(FRAME_SAMPLES), kaiserHalf(FRAME_SAMPLES, 4)];
const SHORT_WINDOWS = [sineHalf(SHORT_WINDOW_SAMPLES), kaiserHalf(SHORT_WINDOW_SAMPLES, 6)];

/** Length of the flat part on each side of a short window that replaces a long one. */
const FLAT_SAMPLES = (FRAME_SAMPLES - SHORT_WINDOW_SAMPLES) / 2; // 448

/** Turns the spectra of one channel into samples; each frame overlaps the previous one by half. */
export class FilterBank {
  readonly #overlap = new Float32Array(FRAME_SAMPLES);
  #previousShape = 0;
  readonly #block = new Float32Array(2 * FRAME_SAMPLES);
  readonly #shortBlock = new Float32Array(2 * SHORT_WINDOW_SAMPLES);

  /** @returns 1,024 samples, full scale ±1 */
  process(spectrum: Float32Array, info: WindowInfo): Float32Array {
    const block = this.#block;
    const overlap = this.#overlap;
    const rise = { long: LONG_WINDOWS[this.#previousShape], short: SHORT_WINDOWS[this.#previousShape] };
    const fall = { long: LONG_WINDOWS[info.shape], short: SHORT_WINDOWS[info.shape] };
    this.#previousShape = info.shape;
    if (info.sequence === EIGHT_SHORT) {
      this.#shortBlocks(spectrum, rise.short, fall.short);
    } else {
      longTransform.run(spectrum, 0, block);
      if (info.sequence === LONG_STOP) riseShort(block, rise.short);
      else multiply(block, 0, rise.long);
      if (info.sequence === LONG_START) fallShort(block, fall.short);
      else multiplyReversed(block, FRAME_SAMPLES, fall.long);
    }
    const samples = new Float32Array(FRAME_SAMPLES);
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      samples[i] = ((overlap[i] as number) + (block[i] as number)) / 32768;
      overlap[i] = block[FRAME_SAMPLES + i] as number;
    }
    return samples;
  }

  #shortBlocks(spectrum: Float32Array, firstRise: HalfWindow, window: HalfWindow): void {
    const block = this.#block;
    const shortBlock = this.#shortBlock;
    block.fill(0);
    for (let n = 0; n < 8; n++) {
      shortTransform.run(spectrum, n * SHORT_WINDOW_SAMPLES, shortBlock);
      multiply(shortBlock, 0, n === 0 ? firstRise : window);
      multiplyReversed(shortBlock, SHORT_WINDOW_SAMPLES, window);
      const at = FLAT_SAMPLES + n * SHORT_WINDOW_SAMPLES;
      for (let i = 0; i < 2 * SHORT_WINDOW_SAMPLES; i++)
        block[at + i] = (block[at + i] as number) + (shortBlock[i] as number);
    }
  }
}

type HalfWindow = Float32Array | undefined;

function multiply(block: Float32Array, at: number, window: HalfWindow): void {
  if (window === undefined) return;
  for (let i = 0; i < window.length; i++) block[at + i] = (block[at + i] as number) * (window[i] as number);
}

function multiplyReversed(block: Float32Array, at: number, window: HalfWindow): void {
  if (window === undefined) return;
  const last = window.length - 1;
  for (let i = 0; i <= last; i++) block[at + i] = (block[at + i] as number) * (window[last - i] as number);
}

function riseShort(block: Float32Array, window: HalfWindow): void {
  block.fill(0, 0, FLAT_SAMPLES);
  multiply(block, FLAT_SAMPLES, window);
}

function fallShort(block: Float32Array, window: HalfWindow): void {
  multiplyReversed(block, FRAME_SAMPLES + FLAT_SAMPLES, window);
  block.fill(0, FRAME_SAMPLES + FLAT_SAMPLES + SHORT_WINDOW_SAMPLES);
}

function sineHalf(length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => Math.sin((Math.PI / (2 * length)) * (n + 0.5)));
}

function kaiserHalf(length: number, alpha: number): Float32Array {
  const kaiser = Float64Array.from({ length: length + 1 }, (_, n) =>
    besselI0(Math.PI * alpha * Math.sqrt(1 - ((2 * n) / length - 1) ** 2)),
  );
  const total = kaiser.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  return Float32Array.from({ length }, (_, n) => Math.sqrt((sum += kaiser[n] as number) / total));
}
