/**
 * Dynamic time warping (Sakoe and Chiba, 1978): the cheapest path through a cost matrix from its first corner to its last,
 * one step down, right or both at a time. On ties it prefers right, then down, as the reference does.
 *
 * @param gain row-major [rows, frames]; negated costs
 * @returns for each row, the first frame on the path. Ascending.
 */
export function firstFrames(gain: Float32Array, rows: number, frames: number): Int32Array {
  if (rows < 1 || frames < 1 || gain.length !== rows * frames) {
    throw new RangeError(`dtw: ${gain.length} cells are not ${rows} rows of ${frames}`);
  }
  const DIAGONAL = 0;
  const DOWN = 1;
  const RIGHT = 2;
  const steps = new Uint8Array(rows * frames);
  /** Path costs of the row above, overwritten from the left with those of this row. */
  const costs = new Float32Array(frames).fill(Infinity);
  for (let row = 0; row < rows; row++) {
    const offset = row * frames;
    let left = Infinity;
    let diagonal = row === 0 ? 0 : Infinity;
    for (let frame = 0; frame < frames; frame++) {
      const up = costs[frame] as number;
      let best = left;
      let step = RIGHT;
      if (diagonal < up && diagonal < left) {
        best = diagonal;
        step = DIAGONAL;
      } else if (up < diagonal && up < left) {
        best = up;
        step = DOWN;
      }
      steps[offset + frame] = step;
      left = Math.fround(best - (gain[offset + frame] as number));
      costs[frame] = left;
      diagonal = up;
    }
  }

  const first = new Int32Array(rows);
  for (let row = rows - 1, frame = frames - 1; row >= 0;) {
    first[row] = frame;
    const step = frame === 0 ? DOWN : row === 0 ? RIGHT : steps[row * frames + frame];
    if (step !== RIGHT) row--;
    if (step !== DOWN) frame--;
  }
  return first;
}
