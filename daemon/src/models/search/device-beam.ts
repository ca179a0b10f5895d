/** Makes the forecast choice of a search on the device, so that a step is queued before the previous one is read. */
import { mx, type MxArray } from '#native/index.js';

import { compileOnGpu } from './compile-on-gpu.js';
import type { PickedCandidates } from './device-candidates.js';
import type { Forecast } from './candidates.js';

/** Sequences that are expected to continue, on the device. */
export interface DeviceBeam {
  /** The row that each comes from [width] uint32; undefined for a single row. */
  readonly rows: MxArray | undefined;
  /** Its next token [width, 1] int32. */
  readonly tokens: MxArray;
}

export interface Continuation {
  readonly row: number;
  readonly token: number;
}

/**
 * Call it inside `tidy`.
 *
 * @param picked more candidates per row than `forecast.width`
 */
export function chooseBeam(
  { tokens: candidates, logprobs }: PickedCandidates,
  { width, endOfText, scores }: Forecast,
): DeviceBeam {
  const [rows = 0, count = 0] = candidates.shape;
  // If the end-of-text is the most probable token, the step is wasted: the search is usually over.
  if (rows === 1 && width === 1) {
    return { rows: undefined, tokens: mx.slice(candidates, [0, 0], [1, 1]) };
  }
  const costs = mx.array(
    Float32Array.from(scores, (score) => -score),
    [rows, 1],
  );
  const choose = compileOnGpu(`${width} of ${rows} × ${count}, ${endOfText}`, best(width, endOfText));
  const [tokens, from] = choose(candidates, logprobs, costs);
  return { rows: from, tokens };
}

/** tokens and logprobs [N, count], costs [N, 1] → tokens [width, 1] and the rows [width] that they follow, best first */
function best(width: number, endOfText: number) {
  return (candidates: MxArray, logprobs: MxArray, costs: MxArray): [tokens: MxArray, rows: MxArray] => {
    const [rows = 0, count = 0] = candidates.shape;
    const all = [rows * count];
    const continuing = mx.where(mx.equal(candidates, endOfText), Infinity, mx.subtract(costs, logprobs));
    // MLX's stable sort keeps the first of equal values; otherwise the step would be reverted.
    const places = mx.slice(mx.argsort(mx.reshape(continuing, all)), [0], [width]);
    const tokens = mx.take(mx.reshape(candidates, all), places);
    return [mx.reshape(tokens, [width, 1]), mx.floorDivide(places, count)];
  };
}

export function beamArrays({ rows, tokens }: DeviceBeam): MxArray[] {
  return rows ? [rows, tokens] : [tokens];
}

/** Reads a beam whose arrays are evaluated. */
export function readBeam({ rows, tokens }: DeviceBeam): Continuation[] {
  const from = rows && [...rows.toTypedArray()];
  return [...tokens.toTypedArray()].map((token, i) => ({
    row: Number(from?.[i] ?? 0),
    token: Number(token),
  }));
}
