import { HOP_SAMPLES } from '#daemon/audio/mel/mel.js';

/** Frames on each side that the level of a place is averaged over. */
const SMOOTHING_FRAMES = 15;

/** The middle of the quietest third of a second. @param levels of frames of 10 ms */
export function quietestFrame(levels: Float32Array): number {
  let [minLevel, at] = [Infinity, 0];
  for (let i = 0; i < levels.length; i++) {
    const neighbors = levels.subarray(Math.max(0, i - SMOOTHING_FRAMES), i + SMOOTHING_FRAMES + 1);
    const level = neighbors.reduce((sum, x) => sum + x, 0) / neighbors.length;
    if (level < minLevel) [minLevel, at] = [level, i];
  }
  return at;
}

/** Of a frame that is digital silence. */
const MIN_ENERGY = 1e-10;

/** Loudness of each whole frame of 10 ms: log10 of its energy. */
export function frameLevels(samples: Float32Array): Float32Array {
  const levels = new Float32Array(Math.floor(samples.length / HOP_SAMPLES));
  for (let frame = 0; frame < levels.length; frame++) {
    let energy = MIN_ENERGY;
    for (let i = frame * HOP_SAMPLES; i < (frame + 1) * HOP_SAMPLES; i++) energy += (samples[i] ?? 0) ** 2;
    levels[frame] = Math.log10(energy);
  }
  return levels;
}
