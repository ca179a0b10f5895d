/** Attention with scores of distances, over the keys whose distance has a score: all of them, or those of local attention. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** Queries at once, so that the memory of local attention does not grow with the length of the audio. */
export const BLOCK_QUERIES = 256;

export interface BandAttention {
  /** Queries with the bias for content and with that for distance, [B, H, T, d] each. */
  readonly toContent: MxArray;
  readonly toDistance: MxArray;
  readonly keys: MxArray;
  readonly values: MxArray;
  /** Keys of the distances back … -ahead, [1, H, d, back + ahead + 1]. */
  readonly distances: MxArray;
  readonly back: number;
  /** Added to the scores of keys, [B, 1, 1, T]. */
  readonly padding: MxArray | undefined;
}

/** Scores are (q kᵀ + q dᵀ) / √d, where query i and key j read distance i - j. → [B, H, T, d] */
export function attendInBand(band: BandAttention): MxArray {
  const { toContent, distances, back } = band;
  const frames = toContent.shape[2] ?? 0;
  const ahead = (distances.shape[3] ?? 0) - 1 - back;
  if (back >= frames - 1 && ahead >= frames - 1) return attendBlock(band, 0, frames);
  const blocks: MxArray[] = [];
  for (let start = 0; start < frames; start += BLOCK_QUERIES)
    blocks.push(attendBlock(band, start, Math.min(frames, start + BLOCK_QUERIES)));
  return mx.concatenate(blocks, 2);
}

/** The queries `start` … `end` over the keys that any of them sees. */
function attendBlock(band: BandAttention, start: number, end: number): MxArray {
  const { toContent, toDistance, keys, values, distances, back, padding } = band;
  const [frames = 0, count = 0] = [toContent.shape[2], distances.shape[3]];
  const [first, last] = [Math.max(0, start - back), Math.min(frames, end + count - 1 - back)];
  const scale = (keys.shape[3] ?? 1) ** -0.5;
  const scores = mx.matmul(part(toDistance, 2, start, end), distances); // [B, H, end - start, count]
  // Column 0 of the last row and the last column of the first row, as places among the distances.
  const [low, high] = [first - (end - 1) + back, last - start + back];
  const byDistance = mx.pad(part(scores, 3, Math.max(0, low), Math.min(count, high)), [
    [0, 0],
    [0, 0],
    [0, 0],
    [Math.max(0, -low), Math.max(0, high - count)],
  ]);
  let mask = mx.multiply(byKey(byDistance), scale);
  const isBanded = low < 0 || high > count;
  if (isBanded) mask = mx.add(mask, outside(start, end, first, last, back, count, mask));
  if (padding !== undefined) mask = mx.add(mask, part(padding, 3, first, last));
  return nn.attend(part(toContent, 2, start, end), part(keys, 2, first, last), part(values, 2, first, last), {
    mask,
    scale,
  });
}

/** -∞ where a query does not see a key, [end - start, last - first]. */
function outside(
  start: number,
  end: number,
  first: number,
  last: number,
  back: number,
  count: number,
  { dtype }: MxArray,
): MxArray {
  const queries = mx.reshape(mx.arange(start, end, 1, 'int32'), [-1, 1]);
  const places = mx.add(mx.subtract(mx.arange(first, last, 1, 'int32'), queries), back);
  const isSeen = mx.logicalAnd(mx.greaterEqual(places, 0), mx.less(places, count));
  return mx.where(isSeen, 0, -Infinity).astype(dtype);
}

function part(x: MxArray, axis: number, from: number, to: number): MxArray {
  const { shape } = x;
  if (from === 0 && to === shape[axis]) return x;
  const starts = shape.map((_, i) => (i === axis ? from : 0));
  return mx.slice(
    x,
    starts,
    shape.map((size, i) => (i === axis ? to : size)),
  );
}

/**
 * Scores of distances [B, H, T, C + 2 T - 1] → scores of keys [B, H, T, C + T]: row i is read from distance T - 1 - i on. A view. C
 * is the number of keys beyond the queries' frames.
 */
export function byKey(scores: MxArray): MxArray {
  const [batch = 0, heads = 0, frames = 0, distances = 0] = scores.shape;
  const perHead = frames * distances;
  return mx.asStrided(
    mx.contiguous(scores),
    [batch, heads, frames, distances - frames + 1],
    [heads * perHead, perHead, distances - 1, 1],
    frames - 1,
  );
}
