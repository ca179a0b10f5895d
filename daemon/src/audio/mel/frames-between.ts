import type { MxArray } from '#native/index.js';

import type { FrontEnd } from './front-end.js';

/**
 * Frames `from` to `to` (exclusive) of audio that is zero before its start and after its end, [to - from, bands]; the caller frees
 * them. The last bit of a frame depends on how many are computed at once: equal ranges give equal frames.
 *
 * @param end samples of the audio, or those known so far: `samplesFor(to)` are needed unless the audio is over
 * @param read copies the samples between two positions within it
 */
export function framesBetween(
  frontEnd: FrontEnd,
  from: number,
  to: number,
  end: number,
  read: (from: number, to: number) => Float32Array,
): MxArray {
  const { frameSamples, config } = frontEnd;
  const { hopSamples, padding, preEmphasis } = config;
  const factor = preEmphasis?.within === 'audio' ? preEmphasis.factor : 0;
  const start = from * hopSamples - padding.samples;
  const samples = new Float32Array((to - from - 1) * hopSamples + frameSamples);
  const first = Math.max(0, start - 1); // the sample before the first one, for pre-emphasis
  const known = read(first, Math.min(end, start + samples.length));
  for (let i = Math.max(0, start) - first; i < known.length; i++) {
    samples[first + i - start] = (known[i] ?? 0) - factor * (known[i - 1] ?? 0);
  }
  return frontEnd.frames(samples);
}

/** Samples from which the first `frames` frames are known. */
export function samplesFor({ config, frameSamples }: FrontEnd, frames: number): number {
  return (frames - 1) * config.hopSamples - config.padding.samples + frameSamples;
}
