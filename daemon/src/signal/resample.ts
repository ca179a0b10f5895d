/**
 * Streaming sample-rate conversion: a windowed sinc, one set of taps per output phase (Smith, "Digital Audio
 * Resampling"; Kaiser window). Output sample k is the input at time k · inRate / outRate, with silence outside.
 *
 * n input samples give floor(n · outRate / inRate + ½) samples, so that durations agree to half a sample.
 */
import { besselI0 } from './bessel.js';

/** Zero crossings of the sinc on each side, at the lower of the two rates. */
const ZERO_CROSSINGS = 32;
/** Kaiser β: about 90 dB of stop band. */
const BETA = 9;
/** Cutoff (−6 dB) as a fraction of the lower Nyquist frequency. */
const CUTOFF = 0.95;
/** Odd rates (11,027 Hz) would need a table per output sample; they interpolate between this many phases instead. */
const MAX_PHASES = 1024;

export class Resampler {
  /** Adjacent output samples are step/phases input samples apart. */
  readonly #phases: number;
  readonly #step: number;
  readonly #halfTaps: number;
  readonly #taps: number;
  readonly #table: Float32Array;
  readonly #tablePhases: number;

  /** Input samples still needed; [0] is input sample `base`, which starts below 0: silence before the audio. */
  #held: Float32Array;
  #base: number;
  #heldLength: number;
  #received = 0;
  #produced = 0;

  constructor(
    readonly inRate: number,
    readonly outRate: number,
  ) {
    const divisor = gcd(inRate, outRate);
    this.#phases = outRate / divisor;
    this.#step = inRate / divisor;
    const stretch = Math.max(1, inRate / outRate);
    this.#halfTaps = Math.ceil(ZERO_CROSSINGS * stretch);
    this.#taps = 2 * this.#halfTaps;
    this.#tablePhases = Math.min(this.#phases, MAX_PHASES);
    this.#table = makeTable(this.#tablePhases, this.#halfTaps, stretch);
    this.#base = -this.#halfTaps + 1;
    this.#heldLength = this.#halfTaps - 1;
    this.#held = new Float32Array(4 * this.#taps);
  }

  /** Returns every output sample that the input so far determines. */
  push(input: Float32Array): Float32Array {
    this.#append(input);
    this.#received += input.length;
    return this.#drain(Infinity);
  }

  /** Returns the remaining samples, with silence after the audio. */
  flush(): Float32Array {
    const total = Math.floor((this.#received * this.outRate) / this.inRate + 0.5);
    this.#append(new Float32Array(this.#taps));
    return this.#drain(total);
  }

  #append(input: Float32Array): void {
    if (this.#heldLength + input.length > this.#held.length) {
      const larger = new Float32Array(this.#heldLength + input.length);
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
    }
    this.#held.set(input, this.#heldLength);
    this.#heldLength += input.length;
  }

  #drain(limit: number): Float32Array {
    const held = this.#held;
    const table = this.#table;
    const taps = this.#taps;
    const phases = this.#phases;
    const tablePhases = this.#tablePhases;
    const step = this.#step;
    const halfTaps = this.#halfTaps;
    // Output k needs input up to floor(k · step / phases) + halfTaps.
    const lastPosition = this.#base + this.#heldLength - 1 - halfTaps;
    const ready = Math.max(
      this.#produced,
      Math.min(limit, Math.floor(((lastPosition + 1) * phases - 1) / step) + 1),
    );
    const output = new Float32Array(ready - this.#produced);
    for (let k = this.#produced; k < ready; k++) {
      const position = Math.floor((k * step) / phases);
      const fraction = (k * step) % phases;
      const from = position - halfTaps + 1 - this.#base;
      if (tablePhases === phases) {
        output[k - this.#produced] = dot(table, fraction * taps, held, from, taps);
        continue;
      }
      const at = (fraction / phases) * tablePhases;
      const row = Math.floor(at);
      const low = dot(table, row * taps, held, from, taps);
      const high = dot(table, (row + 1) * taps, held, from, taps);
      output[k - this.#produced] = low + (high - low) * (at - row);
    }
    this.#produced = ready;
    this.#forget(Math.floor((ready * step) / phases) - halfTaps + 1);
    return output;
  }

  /** Drops input before sample `position`, which no later output needs. */
  #forget(position: number): void {
    const drop = Math.min(position - this.#base, this.#heldLength);
    if (drop <= 0) return;
    this.#held.copyWithin(0, drop, this.#heldLength);
    this.#heldLength -= drop;
    this.#base += drop;
  }
}

/** Dot product with four partial sums, because the additions of a single sum would wait for each other. */
function dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, length: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += (a[aStart + i] as number) * (b[bStart + i] as number);
    s1 += (a[aStart + i + 1] as number) * (b[bStart + i + 1] as number);
    s2 += (a[aStart + i + 2] as number) * (b[bStart + i + 2] as number);
    s3 += (a[aStart + i + 3] as number) * (b[bStart + i + 3] as number);
  }
  for (; i < length; i++) s0 += (a[aStart + i] as number) * (b[bStart + i] as number);
  return s0 + s1 + (s2 + s3);
}

/** Taps for each phase p/phases, plus one row for interpolation. Each row sums to 1, so there is no ripple at 0 Hz. */
function makeTable(phases: number, halfTaps: number, stretch: number): Float32Array {
  const taps = 2 * halfTaps;
  const table = new Float32Array((phases + 1) * taps);
  const row = new Float64Array(taps);
  for (let phase = 0; phase <= phases; phase++) {
    let sum = 0;
    for (let i = 0; i < taps; i++) {
      const distance = (i - halfTaps + 1 - phase / phases) / stretch;
      const value = sinc(distance * CUTOFF) * kaiser(distance / ZERO_CROSSINGS);
      row[i] = value;
      sum += value;
    }
    for (let i = 0; i < taps; i++) table[phase * taps + i] = (row[i] ?? 0) / sum;
  }
  return table;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** @param x −1 to 1 across the window; the result is 0 outside */
function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : besselI0(BETA * Math.sqrt(1 - x * x)) / besselI0(BETA);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
