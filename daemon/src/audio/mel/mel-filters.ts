/** Triangular mel filters. */

/**
 * `slaney`: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998). `htk`: 2595 log₁₀(1 + f/700). `kaldi`: HTK's scale
 * with triangles in mel instead of Hz, and nothing for the highest bin.
 */
export type MelScale = 'slaney' | 'htk' | 'kaldi';

interface MelFilterOptions {
  readonly bands: number;
  readonly fftSamples: number;
  /** In Hz. */
  readonly sampleRate: number;
  readonly scale: MelScale;
  /** Whether each filter is divided by its width in Hz (Slaney's norm). */
  readonly isAreaNormed: boolean;
  readonly minHz: number;
  readonly maxHz: number;
}

// Slaney's scale.
const HZ_PER_MEL = 200 / 3;
const LOG_START_HZ = 1000;
const LOG_START_MEL = LOG_START_HZ / HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

interface Scale {
  readonly toMel: (hz: number) => number;
  readonly toHz: (mel: number) => number;
}

const SLANEY: Scale = {
  toHz: (mel) =>
    mel < LOG_START_MEL ? HZ_PER_MEL * mel : LOG_START_HZ * Math.exp(LOG_STEP * (mel - LOG_START_MEL)),
  toMel: (hz) =>
    hz < LOG_START_HZ ? hz / HZ_PER_MEL : LOG_START_MEL + Math.log(hz / LOG_START_HZ) / LOG_STEP,
};
const HTK: Scale = {
  toHz: (mel) => 700 * (10 ** (mel / 2595) - 1),
  toMel: (hz) => 2595 * Math.log10(1 + hz / 700),
};

/**
 * Weights from spectrum to mel bands over 0 Hz … half the sample rate, as `[bands, fftSamples / 2 + 1]` row-major. Rounded to
 * float32 where librosa rounds, so that the result equals the published filters to the last bits.
 */
export function melFilters(options: MelFilterOptions): Float32Array {
  const { bands, fftSamples, sampleRate, scale, isAreaNormed, minHz, maxHz } = options;
  const { toMel, toHz } = scale === 'slaney' ? SLANEY : HTK;
  const bins = fftSamples / 2 + 1;
  const [bottom, top] = [toMel(minHz), toMel(maxHz)];
  // The triangles span two more points, evenly spaced in mel.
  const mels = Array.from({ length: bands + 2 }, (_, i) => bottom + ((top - bottom) * i) / (bands + 1));
  const isInMel = scale === 'kaldi';
  const points = Float64Array.from(isInMel ? mels : mels.map(toHz));
  const weights = new Float32Array(bands * bins);
  for (let band = 0; band < bands; band++) {
    const [left = 0, center = 0, right = 0] = points.subarray(band, band + 3);
    const areaNorm = isAreaNormed ? 2 / (right - left) : 1;
    for (let bin = 0; bin < (isInMel ? bins - 1 : bins); bin++) {
      const hz = (bin * sampleRate) / fftSamples;
      const at = isInMel ? toMel(hz) : hz;
      const rising = (at - left) / (center - left);
      const falling = (right - at) / (right - center);
      weights[band * bins + bin] = Math.fround(Math.max(0, Math.min(rising, falling))) * areaNorm;
    }
  }
  return weights;
}
