/**
 * Filters, argmax and timestamp rules as one function that MLX compiles: on a GPU a decoding step is bound by the number
 * of its ops, and separately these are forty.
 * Equals `LogitFilters.later`, `nn.argmax` and `LogitFilters.follow` together, which a test verifies.
 */
import { mx, type CompiledFunction, type MxArray } from '#native/index.js';

import { AFTER, EARLIEST_BEYOND, THEN_STAMP } from './timestamp-rules.js';

export interface ChoiceMasks {
  /** 0 or -∞ for each token, at any position. [1, V] */
  readonly suppressed: MxArray;
  /** The `KIND` of each token. [1, V] int32 */
  readonly kinds: MxArray;
  /** The frame of 20 ms of each timestamp; negative for text. [1, V] int32 */
  readonly frames: MxArray;
  /** Tokens below `<|0.00|>`. */
  readonly textSize: number;
}

/** Text; the end-of-text and other special tokens, allowed where text is not; timestamps. */
export const KIND = { text: 0, end: 1, stamp: 2 } as const;

/** logits [N, V], after and latest [N, 1] → token, log-probability, after and latest, each [N, 1] */
export type TimedChoice = CompiledFunction<
  [logits: MxArray, after: MxArray, latest: MxArray],
  [token: MxArray, logprob: MxArray, after: MxArray, latest: MxArray]
>;

/** logits [N, V], after and latest [N, 1] → filtered logits [N, V] */
export type TimedFilter = CompiledFunction<[logits: MxArray, after: MxArray, latest: MxArray], MxArray>;

/** logits [N, V] → filtered logits [N, V] */
export type PlainFilter = CompiledFunction<[logits: MxArray], MxArray>;

/** logits [N, V] → token and log-probability, each [N, 1] */
export type PlainChoice = CompiledFunction<[logits: MxArray], [token: MxArray, logprob: MxArray]>;

export function compilePlainChoice({ suppressed }: ChoiceMasks): PlainChoice {
  return mx.compile((logits: MxArray): [MxArray, MxArray] => argmaxOf(mx.add(logits, suppressed)));
}

export function compileTimedChoice(masks: ChoiceMasks): TimedChoice {
  return mx.compile((logits: MxArray, after: MxArray, latest: MxArray) => {
    const [token, logprob] = argmaxOf(allowedTimed(logits, after, latest, masks));
    const next = followStamps(token, after, latest, masks.textSize);
    return [token, logprob, ...next] as [MxArray, MxArray, MxArray, MxArray];
  });
}

/** Logits [N, V] filtered as by `LogitFilters.later`. */
export function compilePlainFilter({ suppressed }: ChoiceMasks): PlainFilter {
  return mx.compile((logits: MxArray) => mx.add(logits, suppressed));
}

/** `compilePlainFilter` with timestamps. */
export function compileTimedFilter(masks: ChoiceMasks): TimedFilter {
  return mx.compile((logits: MxArray, after: MxArray, latest: MxArray) =>
    allowedTimed(logits, after, latest, masks),
  );
}

/** The state [N, 1] after tokens [N, 1] that follow `after` and `latest` [N, 1]. */
export function followStamps(
  token: MxArray,
  after: MxArray,
  latest: MxArray,
  textSize: number,
): [after: MxArray, latest: MxArray] {
  const isText = mx.less(token, textSize);
  const then = mx.where(mx.equal(after, AFTER.text), THEN_STAMP[AFTER.text], THEN_STAMP[AFTER.firstOfPair]);
  return [
    mx.astype(mx.where(isText, AFTER.text, then), 'int32'),
    mx.where(isText, latest, mx.subtract(token, textSize)),
  ];
}

/**
 * Logits [N, V] with disallowed tokens at -∞. MLX fuses elementwise ops into one kernel only if each result has a single
 * consumer, so as few as possible are used twice here.
 */
function allowedTimed(
  logits: MxArray,
  after: MxArray,
  latest: MxArray,
  { suppressed, kinds, frames, textSize }: ChoiceMasks,
): MxArray {
  const [rows = 1, vocabulary = 0] = logits.shape;
  const isBarredText = mx.logicalAnd(mx.equal(after, AFTER.firstOfPair), mx.equal(kinds, KIND.text));
  // `EARLIEST_BEYOND`: 1 after text, 0 after the first of a pair, none after the second.
  const isEarly = mx.less(frames, mx.add(mx.subtract(latest, after), EARLIEST_BEYOND[AFTER.text]));
  const isBarredStamp = mx.logicalAnd(
    mx.equal(kinds, KIND.stamp),
    mx.logicalOr(mx.equal(after, AFTER.secondOfPair), isEarly),
  );
  const allowed = mx.where(mx.logicalOr(isBarredText, isBarredStamp), -Infinity, mx.add(logits, suppressed));
  // If all timestamps together are more probable than the most probable text token, it must be a timestamp.
  const stamps = mx.logsumexp(mx.slice(allowed, [0, textSize], [rows, vocabulary]), -1, true);
  const text = mx.max(mx.slice(allowed, [0, 0], [rows, textSize]), -1, true);
  const isBarred = mx.logicalAnd(mx.less(kinds, KIND.stamp), mx.greater(stamps, text));
  return mx.where(isBarred, -Infinity, allowed);
}

function argmaxOf(logits: MxArray): [token: MxArray, logprob: MxArray] {
  const best = mx.max(logits, -1, true);
  return [mx.astype(mx.argmax(logits, -1, true), 'int32'), mx.subtract(best, mx.logsumexp(logits, -1, true))];
}
