/**
 * From samples to frames of spectral features, on MLX. A variant is a set of values (`variants.ts`); this is the arithmetic
 * that all of them share: framing, window, spectrum, mel filters, logarithm.
 *
 * A frame depends only on `frameSamples` samples, so frames of live audio equal those of the whole audio.
 */
import { mx, type MxArray } from '#native/index.js';
import { melFilters, type MelScale } from './mel-filters.js';

export interface FrontEndConfig {
  /** In Hz. */
  readonly sampleRate: number;
  readonly hopSamples: number;
  /** Length of the window. */
  readonly windowSamples: number;
  /** Length of the transform; a shorter window is padded with zeros, in the middle or on the right. */
  readonly fftSamples: number;
  readonly windowPlace: 'middle' | 'left';
  /** `hann` is periodic, as in signal processing; `symmetric hann` ends with the zero that it starts with. */
  readonly window: 'hann' | 'symmetric hann' | 'povey';
  /** Samples added before the audio and after it. */
  readonly padding: { readonly samples: number; readonly start: Padding; readonly end: Padding };
  /** y[n] = x[n] − factor · x[n − 1]: over the whole audio, or within each frame. */
  readonly preEmphasis?: { readonly factor: number; readonly within: 'audio' | 'frame' };
  /** Whether the mean of each frame is subtracted first. */
  readonly isCentered?: boolean;
  /** |X|², or √(|X|² + `added`). */
  readonly spectrum: { readonly kind: 'power' } | { readonly kind: 'magnitude'; readonly added: number };
  readonly mel: {
    readonly bands: number;
    readonly scale: MelScale;
    /** Whether each filter is divided by its width. */
    readonly isAreaNormed: boolean;
    readonly minHz: number;
    readonly maxHz: number;
  };
  /** log(max(x, floor)) or log(x + added). */
  readonly log: { readonly base: 10 | 'e' } & ({ readonly floor: number } | { readonly added: number });
}

/** `reflect` mirrors the audio about its first or last sample. */
type Padding = 'reflect' | 'zero';

/** The frames of every variant. */
export interface FrontEnd {
  readonly config: FrontEndConfig;
  /** Features of a frame. */
  readonly bands: number;
  /** Samples that a frame is computed from. */
  readonly frameSamples: number;
  /**
   * Features of every whole frame in `samples`, one every `hopSamples`: [frames, bands]. The caller has padded and
   * pre-emphasized them (`FrameStream` does).
   */
  frames(samples: Float32Array): MxArray;
  dispose(): void;
}

export class SpectralFrontEnd implements FrontEnd {
  readonly bands: number;
  readonly frameSamples: number;
  readonly #window: MxArray; // [frameSamples]
  readonly #filters: MxArray; // [fftSamples / 2 + 1, bands]

  constructor(readonly config: FrontEndConfig) {
    const { fftSamples, mel, sampleRate, windowPlace, windowSamples } = config;
    this.bands = mel.bands;
    // A window on the left is computed without the zeros after it.
    this.frameSamples = windowPlace === 'middle' ? fftSamples : windowSamples;
    this.#window = mx.keep(mx.array(windowOf(config, this.frameSamples)));
    const bins = fftSamples / 2 + 1;
    this.#filters = mx.tidy(() => {
      const filters = mx.array(melFilters({ ...mel, fftSamples, sampleRate }), [mel.bands, bins]);
      return mx.keep(mx.contiguous(mx.transpose(filters)));
    });
  }

  frames(samples: Float32Array): MxArray {
    const { hopSamples, fftSamples, spectrum } = this.config;
    const count = Math.floor((samples.length - this.frameSamples) / hopSamples) + 1;
    return mx.tidy(() => {
      const frames = mx.asStrided(mx.array(samples), [count, this.frameSamples], [hopSamples, 1]);
      const windowed = mx.multiply(this.#prepared(frames), this.#window);
      const complex = mx.fft.rfft(windowed, fftSamples); // [T, bins]
      const power = mx.square(mx.abs(complex));
      const values = spectrum.kind === 'power' ? power : mx.sqrt(mx.add(power, spectrum.added));
      return this.#logarithm(mx.matmul(values, this.#filters)); // [T, bands]
    });
  }

  dispose(): void {
    mx.dispose([this.#window, this.#filters]);
  }

  /** Without its mean, and with pre-emphasis within the frame. */
  #prepared(frames: MxArray): MxArray {
    const { isCentered = false, preEmphasis } = this.config;
    if (isCentered) frames = mx.subtract(frames, mx.mean(frames, 1, true));
    if (preEmphasis?.within !== 'frame') return frames;
    const [count = 0, width = 0] = frames.shape;
    // The first sample has none before it: it stands in for that.
    const first = mx.slice(frames, [0, 0], [count, 1]);
    const before = mx.concatenate([first, mx.slice(frames, [0, 0], [count, width - 1])], 1);
    return mx.subtract(frames, mx.multiply(before, preEmphasis.factor));
  }

  #logarithm(mel: MxArray): MxArray {
    const { log } = this.config;
    const positive = 'floor' in log ? mx.maximum(mel, log.floor) : mx.add(mel, log.added);
    return log.base === 10 ? mx.log10(positive) : mx.log(positive);
  }
}

/** The window in a frame of `length` samples. */
function windowOf({ window, windowSamples }: FrontEndConfig, length: number): Float32Array {
  const period = window === 'hann' ? windowSamples : windowSamples - 1;
  const values = new Float32Array(length);
  const offset = (length - windowSamples) / 2;
  for (let n = 0; n < windowSamples; n++) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / period);
    values[offset + n] = window === 'povey' ? hann ** 0.85 : hann;
  }
  return values;
}
