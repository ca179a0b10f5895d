/** Several signals at once, each with the result that it has alone. */
import { mx, type MxArray } from '#native/index.js';

import { runAll, type StreamingCodec } from './run-chunk.js';

/** A network over whole signals. */
export type BatchCodec = StreamingCodec & {
  /** Whether a frame depends on no later one; only then may zeros follow a signal. */
  readonly isCausal: boolean;
};

/**
 * Signals [L, channels] of any lengths → codes uint32 [codebooks, ⌈L / hop⌉] of each. Causal networks encode those of whole
 * frames together; others must have the same length for it.
 */
export function encodeBatch(network: BatchCodec, signals: readonly MxArray[], codebooks: number): MxArray[] {
  const { hop } = network;
  const mayFollow = (length: number): boolean => length % hop === 0 && isPadded(network, length / hop);
  return inGroups(signals, 0, mayFollow, (batch) => runAll(batch, network.encodeSteps(codebooks))).map(
    (codes, i) => {
      const [rows = 0] = codes.shape;
      return mx.slice(codes, [0, 0], [rows, Math.ceil((signals[i]?.shape[0] ?? 0) / hop)]);
    },
  );
}

/** Codes [K, T] of any lengths, the same K → samples [T · hop, channels] of each. Codes must be in range. */
export function decodeBatch(network: BatchCodec, codes: readonly MxArray[]): MxArray[] {
  const { hop, channels } = network;
  const mayFollow = (frames: number): boolean => isPadded(network, frames);
  return inGroups(codes, 1, mayFollow, (batch) => runAll(batch, network.decodeSteps())).map((samples, i) =>
    mx.slice(samples, [0, 0], [(codes[i]?.shape[1] ?? 0) * hop, channels]),
  );
}

/** A short signal has zeros behind it in its reflected padding; they must not be those of the batch. */
const isPadded = ({ isCausal, firstChunkFrames }: BatchCodec, frames: number): boolean =>
  isCausal && frames >= firstChunkFrames;

/**
 * Runs arrays that are equally long along `axis` together, and all that zeros may follow.
 *
 * @param run [B, …] → [B, …]
 */
function inGroups(
  arrays: readonly MxArray[],
  axis: number,
  mayFollow: (length: number) => boolean,
  run: (batch: MxArray) => MxArray,
): MxArray[] {
  const groups = new Map<number, number[]>();
  const lengths = arrays.map((array) => array.shape[axis] ?? 0);
  for (const [i, length] of lengths.entries()) {
    const key = mayFollow(length) ? Infinity : length;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  const results = new Map<number, MxArray>();
  for (const members of groups.values()) {
    const longest = Math.max(...members.map((i) => lengths[i] ?? 0));
    const rows = members.map((i) => extended(arrays[i], axis, longest));
    for (const [row, result] of mx.unstack(run(mx.stack(rows))).entries())
      results.set(members[row] ?? 0, result);
  }
  return arrays.map((_, i) => results.get(i)).filter((result) => result !== undefined);
}

/** With zeros up to `length` along `axis`. */
function extended(array: MxArray | undefined, axis: number, length: number): MxArray {
  if (array === undefined) throw new RangeError('the batch is empty');
  const padding = array.shape.map((size, i) => [0, i === axis ? length - size : 0]);
  return mx.pad(array, padding);
}
