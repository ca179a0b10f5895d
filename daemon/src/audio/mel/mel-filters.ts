/** Triangular mel filters on Slaney's scale with Slaney's area norm, as in Whisper's training. */

// Slaney's mel scale is linear below 1 kHz and logarithmic above (Auditory Toolbox, 1998).
const HZ_PER_MEL = 200 / 3;
const LOG_START_HZ = 1000;
const LOG_START_MEL = LOG_START_HZ / HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

function melToHz(mel: number): number {
  return mel < LOG_START_MEL ? HZ_PER_MEL * mel : LOG_START_HZ * Math.exp(LOG_STEP * (mel - LOG_START_MEL));
}

function hzToMel(hz: number): number {
  return hz < LOG_START_HZ ? hz / HZ_PER_MEL : LOG_START_MEL + Math.log(hz / LOG_START_HZ) / LOG_STEP;
}

/**
 * Weights from power spectrum to mel bands over 0 Hz … half the sample rate, as `[nMels, nFft / 2 + 1]` row-major.
 * Rounded to float32 where librosa rounds, so that the result equals the published filters to the last bits.
 */
export function melFilters(nMels: number, nFft: number, sampleRate: number): Float32Array {
  const bins = nFft / 2 + 1;
  const topMel = hzToMel(sampleRate / 2);
  // nMels triangles span nMels + 2 points that are evenly spaced in mel.
  const points = Float64Array.from({ length: nMels + 2 }, (_, i) => melToHz((topMel * i) / (nMels + 1)));
  const weights = new Float32Array(nMels * bins);
  for (let band = 0; band < nMels; band++) {
    const [left = 0, center = 0, right = 0] = points.subarray(band, band + 3);
    const areaNorm = 2 / (right - left);
    for (let bin = 0; bin < bins; bin++) {
      const hz = (bin * sampleRate) / nFft;
      const rising = (hz - left) / (center - left);
      const falling = (right - hz) / (right - center);
      weights[band * bins + bin] = Math.fround(Math.max(0, Math.min(rising, falling))) * areaNorm;
    }
  }
  return weights;
}
