/**
 * Forced alignment: the most probable frames of a known text (Viterbi). Equals torchaudio.functional.forced_align.
 *
 * For a text of N tokens and T frames, time is O(N T) and memory O(N T / 2048): scores are stored every 2048 frames, and the
 * choices between two of these are computed again, only for the states that the path can pass.
 */
import { yieldToEventLoop } from '#daemon/async.js';
import { SottoError } from '#daemon/protocol/errors.js';

import type { CtcToken, Emissions } from './emissions.js';
import { stateScores, Trellis, type Scores } from './trellis.js';
import { WILDCARD } from './wildcard.js';

const BLOCK_FRAMES = 2048;
/** State updates before other work may run: some 20 ms. */
const UPDATES_PER_YIELD = 4_000_000;

export interface AlignOptions {
  readonly blank: number;
  readonly signal?: AbortSignal;
  /** Called with the fraction done, 0 … 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** Frames that an alignment needs: one for each token, and one for a blank between equal neighbors. */
export function minFrames(tokens: readonly number[]): number {
  return tokens.reduce((sum, id, i) => sum + (i > 0 && id === tokens[i - 1] ? 2 : 1), 0);
}

/**
 * Finds the frames of each token.
 *
 * @param tokens ids of the text, without blanks; `WILDCARD` matches anything
 * @returns one entry for each of `tokens`, in order
 * @throws SottoError INVALID_ARGUMENT for an id outside the emissions, for a blank, and if the text needs more frames than
 *   there are; CANCELLED
 */
export async function alignTokens(
  emissions: Emissions,
  tokens: readonly number[],
  options: AlignOptions,
): Promise<CtcToken[]> {
  const { blank } = options;
  assertAlignable(emissions, tokens, blank);
  if (tokens.length === 0) return [];
  const trellis = new Trellis(emissions, tokens, blank);
  const blocks = await scoredBlocks(trellis, emissions.frames, options);
  const path = new Int32Array(emissions.frames);
  path[emissions.frames - 1] = trellis.last(blocks.end);
  for (const { first, scores } of blocks.starts.reverse()) {
    const frames = Math.min(BLOCK_FRAMES, emissions.frames - 1 - first);
    traceBlock(trellis, scores, first, path.subarray(first, first + frames + 1));
    if (options.signal) await yieldToEventLoop(options.signal);
  }
  return trellis.spans(path);
}

function assertAlignable({ frames, classes }: Emissions, tokens: readonly number[], blank: number): void {
  for (const id of tokens) {
    if (id === WILDCARD || (Number.isInteger(id) && id >= 0 && id < classes && id !== blank)) continue;
    throw new SottoError('INVALID_ARGUMENT', `token ${id} can’t be aligned`);
  }
  const needed = minFrames(tokens);
  if (needed <= frames) return;
  throw new SottoError(
    'INVALID_ARGUMENT',
    `the text is longer than the audio: it needs ${needed} frames of ${frames}`,
    { hint: 'check that the text belongs to this audio' },
  );
}

/** Scores after frame `first`. */
interface BlockStart {
  readonly first: number;
  readonly scores: Scores;
}

/** Scores after every 2048th frame, and after the last. */
async function scoredBlocks(
  trellis: Trellis,
  frames: number,
  { signal, onProgress }: AlignOptions,
): Promise<{ starts: BlockStart[]; end: Scores }> {
  const starts: BlockStart[] = [];
  const scores = trellis.start();
  let updates = 0;
  for (let t = 1; t < frames; t++) {
    if ((t - 1) % BLOCK_FRAMES === 0) {
      starts.push({
        first: t - 1,
        scores: { blanks: scores.blanks.slice(), tokens: scores.tokens.slice() },
      });
    }
    trellis.advance(scores, t);
    updates += trellis.states;
    if (updates < UPDATES_PER_YIELD) continue;
    updates = 0;
    onProgress?.(t / frames);
    if (signal) await yieldToEventLoop(signal);
  }
  onProgress?.(1);
  return { starts, end: scores };
}

/**
 * Fills in the states of a block from its last, which is set.
 *
 * @param path of frame `first`, after which `scores` are, and of the frames of the block
 */
function traceBlock(trellis: Trellis, scores: Scores, first: number, path: Int32Array): void {
  const frames = path.length - 1;
  let state = path[frames] ?? 0;
  const to = state + 1;
  const from = Math.max(0, to - 2 * frames - 1); // a path moves at most two states in a frame
  const width = to - from;
  const choices = new Uint8Array(frames * width);
  const current = stateScores(scores, from, to);
  for (let t = 0; t < frames; t++) {
    trellis.advanceWithChoices(current, first + 1 + t, from, choices.subarray(t * width, (t + 1) * width));
  }
  for (let t = frames - 1; t >= 0; t--) {
    state -= choices[t * width + state - from] ?? 0;
    path[t] = state;
  }
}
