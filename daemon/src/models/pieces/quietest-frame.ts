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
