/** The choice of a search as it is forecast, made on the device: so a step can be queued before the one before it is read. */
import { mx, type MxArray } from '#native/index.js';

import { compileOnGpu } from '../decode/compile-on-gpu.js';
import type { PickedCandidates } from './device-candidates.js';
import { followStamps } from '../decode/greedy-choice.js';
import type { TimestampState } from '../decode/logit-filters.js';
import type { Forecast } from './candidates.js';

/** Sequences that are expected to continue, still on the device. */
export interface DeviceBeam {
  /** The row that each comes from [width] uint32; undefined where there is only the one. */
  readonly rows: MxArray | undefined;
  /** Its next token [width, 1] int32. */
  readonly tokens: MxArray;
  /** What the filters need to know of it [width, 1]. */
  readonly state: TimestampState | undefined;
}

/** One of them, on the host. */
export interface Continuation {
  readonly row: number;
  readonly token: number;
}

/**
 * Call it within `tidy`.
 *
 * @param picked of which each row has more candidates than `forecast.width`
 * @param state of the rows; undefined where no timestamps are sampled
 * @param textSize tokens below `<|0.00|>`
 */
export function chooseBeam(
  { tokens: candidates, logprobs }: PickedCandidates,
  { width, endOfText, scores }: Forecast,
  state: TimestampState | undefined,
  textSize: number,
): DeviceBeam {
  const [rows = 0, count = 0] = candidates.shape;
  // Where the end is the likeliest, the step ahead is in vain: most often the search is over.
  if (rows === 1 && width === 1) {
    const tokens = mx.slice(candidates, [0, 0], [1, 1]);
    return { rows: undefined, tokens, state: state && stateAfter(tokens, state, textSize) };
  }
  const costs = mx.array(
    Float32Array.from(scores, (score) => -score),
    [rows, 1],
  );
  const choose = compileOnGpu(`${width} of ${rows} × ${count}, ${endOfText}`, best(width, endOfText));
  const [tokens, from] = choose(candidates, logprobs, costs);
  return { rows: from, tokens, state: state && stateAfter(tokens, state, textSize, from) };
}

/** tokens and logprobs [N, count], costs [N, 1] → tokens [width, 1] and the rows [width] that they follow, best first */
function best(width: number, endOfText: number) {
  return (candidates: MxArray, logprobs: MxArray, costs: MxArray): [tokens: MxArray, rows: MxArray] => {
    const [rows = 0, count = 0] = candidates.shape;
    const all = [rows * count];
    const continuing = mx.where(mx.equal(candidates, endOfText), Infinity, mx.subtract(costs, logprobs));
    // MLX sorts stably, so that of equals the first is chosen; were it not so, the step would be undone.
    const places = mx.slice(mx.argsort(mx.reshape(continuing, all)), [0], [width]);
    const tokens = mx.take(mx.reshape(candidates, all), places);
    return [mx.reshape(tokens, [width, 1]), mx.floorDivide(places, count)];
  };
}

/** The state behind tokens [width, 1] that follow these rows, or row by row where there are none. */
function stateAfter(
  tokens: MxArray,
  state: TimestampState,
  textSize: number,
  rows?: MxArray,
): TimestampState {
  const follow = compileOnGpu(
    `behind ${rows ? 'rows' : 'all'}, ${textSize}`,
    (token: MxArray, after: MxArray, latest: MxArray, ...[from]: MxArray[]): [MxArray, MxArray] => {
      const stateOf = (array: MxArray): MxArray => {
        const each = mx.reshape(array, [array.size]);
        return mx.reshape(from ? mx.take(each, from) : each, token.shape);
      };
      return followStamps(token, stateOf(after), stateOf(latest), textSize);
    },
  );
  return follow(tokens, ...state, ...(rows ? [rows] : []));
}

/** What is read of a beam. */
export function beamArrays({ rows, tokens }: DeviceBeam): MxArray[] {
  return rows ? [rows, tokens] : [tokens];
}

/** What a beam holds that can be read. */
export function readBeam({ rows, tokens }: DeviceBeam): Continuation[] {
  const from = rows && [...rows.toTypedArray()];
  return [...tokens.toTypedArray()].map((token, i) => ({
    row: Number(from?.[i] ?? 0),
    token: Number(token),
  }));
}
