/**
 * Steps on a long array, tile by tile: what lies between the steps then stays in the processor's caches, and memory does not grow
 * with the length. Each tile is computed with its context, which is dropped, so the tiles joined are the whole.
 */
import { mx, type MxArray } from '#native/index.js';

import { runSteps } from '../../network-steps.js';
import { frameRanges } from './chunked.js';

export interface TilePlan {
  /** Rows of the input to keep of each tile. */
  readonly frames: number;
  /** Rows on each side; more than the reach of the steps. */
  readonly context: number;
  /** Rows of the output for each row of the input, or of the input for each of the output. */
  readonly up?: number;
  readonly down?: number;
}

/**
 * @param input [B, T, C]; freed. T, `frames` and `context` are multiples of `down`
 * @returns [B, at most T · up / down, C'], evaluated; the caller owns it
 * @throws SottoError CANCELLED within two steps
 */
export async function runInTiles(
  input: MxArray,
  steps: readonly ((x: MxArray) => MxArray)[],
  plan: TilePlan,
  signal: AbortSignal,
): Promise<MxArray> {
  const { up = 1, down = 1 } = plan;
  const outputRows = (rows: number): number => (rows * up) / down;
  const pieces: MxArray[] = [];
  try {
    for (const { start, first, last, end } of frameRanges(input.shape[1] ?? 0, plan)) {
      const result = await runSteps(rowsOf(input, start, end), steps, signal);
      try {
        pieces.push(rowsOf(result, outputRows(first - start), outputRows(last - start)));
        await mx.ready(...pieces);
      } finally {
        result.dispose();
      }
    }
    const joined = mx.concatenate(pieces, 1);
    await mx.ready(joined);
    return joined;
  } finally {
    mx.dispose(input, pieces);
  }
}

/** A copy of rows of [B, T, C], as far as there are some. */
function rowsOf(x: MxArray, from: number, to: number): MxArray {
  const [batch = 0, rows = 0, width = 0] = x.shape;
  return mx.tidy(() => mx.contiguous(mx.slice(x, [0, from, 0], [batch, Math.min(to, rows), width])));
}
