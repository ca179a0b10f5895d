/** The choice of a search as it is forecast, made on the device: so a step can be queued before the one before it is read. */
import { mx, type MxArray } from '#native/index.js';

import type { PickedOffers } from './device-offers.js';
import type { Forecast } from './offers.js';

/** Sequences that are expected to continue, still on the device. */
export interface DeviceBeam {
  /** The row that each comes from [width] uint32; undefined where there is only the one. */
  readonly rows: MxArray | undefined;
  /** Its next token [width, 1] int32. */
  readonly tokens: MxArray;
}

/** One of them, on the host. */
export interface Continuation {
  readonly row: number;
  readonly token: number;
}

/** @param picked of which each row has more candidates than `forecast.width` */
export function chooseBeam(picked: PickedOffers, { width, endOfText, scores }: Forecast): DeviceBeam {
  const { tokens, logprobs } = picked;
  const [rows = 0, count = 0] = tokens.shape;
  // Where the end is the likeliest, the step ahead is in vain: most often the search is over.
  if (rows === 1 && width === 1) return { rows: undefined, tokens: mx.slice(tokens, [0, 0], [1, 1]) };
  return mx.tidy(() => {
    const costs = mx.subtract(mx.array(Float32Array.from(scores, (score) => -score), [rows, 1]), logprobs);
    const continuing = mx.where(mx.equal(tokens, endOfText), Infinity, costs);
    // MLX sorts stably, so that of equals the first is chosen; were it not so, the step would be undone.
    const places = mx.slice(mx.argsort(mx.reshape(continuing, [rows * count])), [0], [width]);
    const chosen = mx.take(mx.reshape(tokens, [rows * count]), places);
    return { rows: mx.floorDivide(places, count), tokens: mx.reshape(chosen, [width, 1]) };
  });
}

/** What a beam holds that can be read. */
export function readBeam({ rows, tokens }: DeviceBeam): Continuation[] {
  const from = rows && [...rows.toTypedArray()];
  return [...tokens.toTypedArray()].map((token, i) => ({ row: Number(from?.[i] ?? 0), token: Number(token) }));
}
