/** The choice of a search as it is forecast, made on the device: so a step can be queued before the one before it is read. */
import { mx, type MxArray } from '#native/index.js';

import { compiledOnGpu } from './compiled-on-gpu.js';
import type { PickedOffers } from './device-offers.js';
import { followStamps } from './greedy-choice.js';
import type { TimestampState } from './logit-filters.js';
import type { Forecast } from './offers.js';

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
  picked: PickedOffers,
  { width, endOfText, scores }: Forecast,
  state: TimestampState | undefined,
  textSize: number,
): DeviceBeam {
  const { tokens: offered, logprobs } = picked;
  const [rows = 0, count = 0] = offered.shape;
  const stateBehind = (tokens: MxArray, from: readonly MxArray[]): MxArray[] => {
    const [after, latest] = from.map((array) => mx.reshape(array, [width, 1]));
    return after && latest ? followStamps(tokens, after, latest, textSize) : [];
  };
  // Where the end is the likeliest, the step ahead is in vain: most often the search is over.
  const chooseOne = (all: MxArray, ...from: MxArray[]): MxArray[] => {
    const tokens = mx.slice(all, [0, 0], [1, 1]);
    return [tokens, ...stateBehind(tokens, from)];
  };
  const choose = (all: MxArray, ...[values, costs, ...from]: MxArray[]): MxArray[] => {
    const totals = mx.subtract(costs ?? 0, values ?? 0);
    const continuing = mx.where(mx.equal(all, endOfText), Infinity, totals);
    // MLX sorts stably, so that of equals the first is chosen; were it not so, the step would be undone.
    const places = mx.slice(mx.argsort(mx.reshape(continuing, [rows * count])), [0], [width]);
    const tokens = mx.reshape(mx.take(mx.reshape(all, [rows * count]), places), [width, 1]);
    const parents = mx.floorDivide(places, count);
    const states = from.map((array) => mx.take(mx.reshape(array, [rows]), parents));
    return [tokens, parents, ...stateBehind(tokens, states)];
  };
  const name = `beam ${width} of ${rows} × ${count}, ${endOfText}, ${textSize}`;
  const from = state ?? [];
  const isGreedy = rows === 1 && width === 1;
  const costs = (): MxArray => mx.array(Float32Array.from(scores, (score) => -score), [rows, 1]);
  const [tokens, ...rest] = isGreedy
    ? compiledOnGpu(name, chooseOne)(offered, ...from)
    : compiledOnGpu(name, choose)(offered, logprobs, costs(), ...from);
  const parents = isGreedy ? undefined : rest.shift();
  const [after, latest] = rest;
  if (!tokens) throw new RangeError('a beam has tokens');
  return { rows: parents, tokens, state: after && latest && [after, latest] };
}

/** What is read of a beam. */
export function beamArrays({ rows, tokens }: DeviceBeam): MxArray[] {
  return rows ? [rows, tokens] : [tokens];
}

/** What a beam holds that can be read. */
export function readBeam({ rows, tokens }: DeviceBeam): Continuation[] {
  const from = rows && [...rows.toTypedArray()];
  return [...tokens.toTypedArray()].map((token, i) => ({ row: Number(from?.[i] ?? 0), token: Number(token) }));
}
