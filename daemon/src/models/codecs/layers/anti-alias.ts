/**
 * An activation at twice the sample rate, between low-pass filters, so that its overtones don't alias (Lee et al., arXiv
 * 2206.04658). In polyphase form: none of the zeros of the upsampled signal is computed with.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { padTime, sliceTime } from './pad-time.js';
import type { SnakeBeta } from './snake.js';

const TAPS = 12;
/** Of the Kaiser window, by Kaiser’s formula for this cutoff and width. */
const BETA = kaiserBeta(0.3);
const REACH = 3;

/** sinc(t / 2) in a Kaiser window at t = -5.5 … 5.5, with the sum 1. */
export const LOW_PASS: readonly number[] = lowPass();

export class AntiAliased extends nn.Module {
  act: SnakeBeta;

  constructor(act: SnakeBeta) {
    super();
    this.act = act;
  }

  /** [B, T, C] → [B, T, C] */
  forward(x: MxArray): MxArray {
    const [batch = 0, frames = 0, channels = 0] = x.shape;
    const padded = padTime(x, REACH, REACH, 'replicate');
    // Sample 2 t reads x[t - 3] … x[t + 2], sample 2 t + 1 reads x[t - 2] … x[t + 3].
    const even = weighted(padded, frames, 0, (i) => 2 * tap(TAPS - 1 - 2 * i));
    const odd = weighted(padded, frames, 1, (i) => 2 * tap(TAPS - 2 - 2 * i));
    const doubled = mx.reshape(mx.stack([even, odd], 2), [batch, 2 * frames, channels]);
    const wide = padTime(this.act.forward(doubled), 5, 6, 'replicate');
    // Both phases of the signal as rows of 2 C: a row is two samples.
    const rows = mx.reshape(sliceTime(wide, 0, 2 * frames + 10), [batch, frames + 5, 2 * channels]);
    const pairs = Array.from({ length: TAPS / 2 }, (_, i) => {
      const pair = sliceTime(rows, i, i + frames);
      const [first, second] = mx.split(pair, 2, 2) as [MxArray, MxArray];
      return mx.add(mx.multiply(first, tap(2 * i)), mx.multiply(second, tap(2 * i + 1)));
    });
    return pairs.reduce((sum, pair) => mx.add(sum, pair));
  }
}

const tap = (i: number): number => LOW_PASS[i] ?? 0;

/** Σ factor(i) · x[t + from + i] of `frames` frames. */
function weighted(x: MxArray, frames: number, from: number, factor: (i: number) => number): MxArray {
  const parts = Array.from({ length: TAPS / 2 }, (_, i) =>
    mx.multiply(sliceTime(x, from + i, from + i + frames), factor(i)),
  );
  return parts.reduce((sum, part) => mx.add(sum, part));
}

/** @param halfWidth of the transition, in parts of the sample rate */
function kaiserBeta(halfWidth: number): number {
  const attenuation = 2.285 * (TAPS / 2 - 1) * Math.PI * 4 * halfWidth + 7.95;
  return attenuation > 50
    ? 0.1102 * (attenuation - 8.7)
    : 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21);
}

function lowPass(): number[] {
  const half = (TAPS - 1) / 2;
  const taps = Array.from({ length: TAPS }, (_, i) => {
    const t = i - half;
    const window = besselI0(BETA * Math.sqrt(1 - (t / half) ** 2)) / besselI0(BETA);
    return (window * Math.sin((Math.PI * t) / 2)) / ((Math.PI * t) / 2);
  });
  const sum = taps.reduce((total, value) => total + value, 0);
  return taps.map((value) => value / sum);
}

/** The modified Bessel function of order 0, by its series. */
function besselI0(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
