/** The inverse of a short-time Fourier transform: windowed frames that overlap add up. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { padTime, sliceTime } from './pad-time.js';

/**
 * What of the sum of T frames is kept: `center` cuts half a window on both sides, (T - 1) · hop samples; `same` cuts half of
 * what frames overlap, T · hop samples.
 */
export type IstftPadding = 'center' | 'same';

export class Istft extends nn.Module {
  window: MxArray; // [fftSamples]
  readonly hop: number;
  readonly cut: number;

  constructor(fftSamples: number, hop: number, padding: IstftPadding) {
    super();
    if (fftSamples % hop !== 0) throw new RangeError('the hop must divide the window');
    this.window = nn.parameter([fftSamples]);
    this.hop = hop;
    this.cut = padding === 'center' ? fftSamples / 2 : (fftSamples - hop) / 2;
  }

  override toDtype(): this {
    return this;
  }

  /** Complex spectra [B, T, fftSamples / 2 + 1] → samples [B, (T - 1) · hop + fftSamples - 2 · cut, 1] */
  forward(spectra: MxArray): MxArray {
    const [batch = 0, frames = 0] = spectra.shape;
    const { window, hop, cut } = this;
    const size = window.shape[0] ?? 0;
    const pieces = mx.multiply(mx.fft.irfft(spectra, size, -1), window);
    const squares = mx.broadcastTo(mx.square(window), [1, frames, size]);
    const weight = this.#added(squares, 1, frames, size);
    const sum = this.#added(pieces, batch, frames, size);
    const end = (frames - 1) * hop + size - cut;
    return mx.divide(sliceTime(sum, cut, end), sliceTime(weight, cut, end));
  }

  /** Frames [B, T, size] that begin every `hop` samples → their sum [B, (T - 1) · hop + size, 1] */
  #added(pieces: MxArray, batch: number, frames: number, size: number): MxArray {
    const blocks = size / this.hop;
    const parts = mx.split(pieces, blocks, 2).map((part, i) => padTime(part, i, blocks - 1 - i, 'constant'));
    const sum = parts.reduce((all, part) => mx.add(all, part));
    return mx.reshape(sum, [batch, (frames + blocks - 1) * this.hop, 1]);
  }
}
