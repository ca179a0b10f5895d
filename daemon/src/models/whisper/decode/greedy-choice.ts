/**
 * The likeliest token that the filters let through, as one function that MLX compiles: on a GPU a step of the decoder is
 * as fast as its ops are few, and one after another the filters, the choice and the timestamp rules are forty of them.
 * It says what `LogitFilters.later`, `nn.likeliest` and `LogitFilters.follow` say together; a test holds it to that.
 */
import { mx, type CompiledFunction, type MxArray } from '#native/index.js';

import { AFTER, EARLIEST_BEYOND, THEN_STAMP } from './timestamp-rules.js';

/** What a choice is made from. */
export interface ChoiceMasks {
  /** 0 or -∞ for each token, wherever it stands. [1, V] */
  readonly suppressed: MxArray;
  /** What each token is: one of `KIND`. [1, V] int32 */
  readonly kinds: MxArray;
  /** The frame of each timestamp, of 20 ms; negative for text. [1, V] int32 */
  readonly frames: MxArray;
  /** Tokens below `<|0.00|>`. */
  readonly textSize: number;
}

/** Text, the end of it and other tokens that may stand where no text may, and timestamps. */
export const KIND = { text: 0, end: 1, stamp: 2 } as const;

/** logits [N, V], after and latest [N, 1] → token, log-probability, after and latest, each [N, 1] */
export type TimedChoice = CompiledFunction<
  [logits: MxArray, after: MxArray, latest: MxArray],
  [token: MxArray, logprob: MxArray, after: MxArray, latest: MxArray]
>;

/** logits [N, V], after and latest [N, 1] → log-probabilities [N, V] */
export type TimedLogprobs = CompiledFunction<[logits: MxArray, after: MxArray, latest: MxArray], MxArray>;

/** logits [N, V] → log-probabilities [N, V] */
export type PlainLogprobs = CompiledFunction<[logits: MxArray], MxArray>;

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

/** What `LogitFilters.later` lets through of logits [N, V], as log-probabilities. */
export function compilePlainLogprobs({ suppressed }: ChoiceMasks): PlainLogprobs {
  return mx.compile((logits: MxArray) => logprobsOf(mx.add(logits, suppressed)));
}

/** As `compilePlainLogprobs`, with timestamps. */
export function compileTimedLogprobs(masks: ChoiceMasks): TimedLogprobs {
  return mx.compile((logits: MxArray, after: MxArray, latest: MxArray) =>
    logprobsOf(allowedTimed(logits, after, latest, masks)),
  );
}

/** Logits [N, V] → log-probabilities */
export function logprobsOf(logits: MxArray): MxArray {
  return mx.subtract(logits, mx.logsumexp(logits, -1, true));
}

/** The state [N, 1] behind tokens [N, 1] that follow `after` and `latest` [N, 1]. */
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
 * Logits [N, V] with what may not follow at -∞. MLX makes one kernel of elementwise ops that feed each other alone: no
 * intermediate result below is used twice but those that have to be there.
 */
function allowedTimed(
  logits: MxArray,
  after: MxArray,
  latest: MxArray,
  { suppressed, kinds, frames, textSize }: ChoiceMasks,
): MxArray {
  const [rows = 1, vocabulary = 0] = logits.shape;
  const isBarredText = mx.logicalAnd(mx.equal(after, AFTER.firstOfPair), mx.equal(kinds, KIND.text));
  // `EARLIEST_BEYOND`: 1 after text, 0 after the first of a pair, and none at all after the second.
  const isEarly = mx.less(frames, mx.add(mx.subtract(latest, after), EARLIEST_BEYOND[AFTER.text]));
  const isBarredStamp = mx.logicalAnd(
    mx.equal(kinds, KIND.stamp),
    mx.logicalOr(mx.equal(after, AFTER.secondOfPair), isEarly),
  );
  const allowed = mx.where(mx.logicalOr(isBarredText, isBarredStamp), -Infinity, mx.add(logits, suppressed));
  // If a timestamp of whatever time is likelier than the likeliest text, it has to be a timestamp.
  const stamps = mx.logsumexp(mx.slice(allowed, [0, textSize], [rows, vocabulary]), -1, true);
  const text = mx.max(mx.slice(allowed, [0, 0], [rows, textSize]), -1, true);
  const isBarred = mx.logicalAnd(mx.less(kinds, KIND.stamp), mx.greater(stamps, text));
  return mx.where(isBarred, -Infinity, allowed);
}

function argmaxOf(logits: MxArray): [token: MxArray, logprob: MxArray] {
  const best = mx.max(logits, -1, true);
  return [mx.astype(mx.argmax(logits, -1, true), 'int32'), mx.subtract(best, mx.logsumexp(logits, -1, true))];
}
