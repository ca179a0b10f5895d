/** Greedy decoding with scripted choices: durations of 0, blanks that skip, the limit of symbols, jumps over the end. */
import { describe, expect, test } from '@jest/globals';

import { advance, type Emission, type WalkState } from '#daemon/models/transducer/greedy-walk.js';
import type { TransducerConfig } from '#daemon/models/transducer/transducer-network.js';

const BLANK = 5;
const config = (durations: readonly number[], maxSymbols = 10): TransducerConfig => ({
  encoderDims: 4,
  tokens: BLANK,
  predictionDims: 4,
  predictionLayers: 1,
  jointDims: 4,
  activation: 'relu',
  durations,
  maxSymbols,
});

type Choice = readonly [token: number, duration: number];

/** Walks over `frames` frames; a frame repeats its last choice. */
function walk(transducer: TransducerConfig, frames: readonly (readonly Choice[])[]) {
  const state: WalkState = { frame: 0, symbols: 0 };
  const emissions: Emission[] = [];
  const uses = frames.map(() => 0);
  while (state.frame < frames.length) {
    const choices = frames[state.frame] ?? [];
    const use = uses[state.frame] ?? 0;
    uses[state.frame] = use + 1;
    const [token, duration] = choices[Math.min(use, choices.length - 1)] ?? [BLANK, 1];
    const emission = advance(transducer, state, token, duration, -1);
    if (emission !== undefined) emissions.push(emission);
  }
  return { emissions: emissions.map(({ token, frame, frames: length }) => [token, frame, length]), state };
}

describe('with durations', () => {
  const tdt = config([0, 1, 2, 3, 4]);

  test('a token of duration 0 stays at its frame', () => {
    const { emissions } = walk(tdt, [[[1, 0], [2, 0], [3, 2]], [[4, 1]], [[BLANK, 1]]]); // prettier-ignore
    expect(emissions).toEqual([[1, 0, 1], [2, 0, 1], [3, 0, 2]]); // prettier-ignore
  });

  test('a blank of duration 0 moves on, others skip as far as they say', () => {
    const { emissions } = walk(tdt, [[[BLANK, 0]], [[1, 1]], [[BLANK, 3]], [[2, 1]], [[2, 1]], [[3, 1]]]);
    expect(emissions).toEqual([[1, 1, 1], [3, 5, 1]]); // prettier-ignore
  });

  test('a frame emits at most the limit of symbols', () => {
    const { emissions, state } = walk(config([0, 1], 3), [[[1, 0]], [[2, 1]]]);
    expect(emissions).toEqual([[1, 0, 1], [1, 0, 1], [1, 0, 1], [2, 1, 1]]); // prettier-ignore
    expect(state.symbols).toBe(0);
  });

  test('a duration may reach beyond the last frame, which later audio owes', () => {
    const { emissions, state } = walk(tdt, [[[1, 1]], [[2, 4]]]);
    expect(emissions).toEqual([[1, 0, 1], [2, 1, 4]]); // prettier-ignore
    expect(state.frame).toBe(5);
  });
});

describe('without durations', () => {
  test('only a blank moves on, and the limit of symbols', () => {
    const { emissions } = walk(config([], 2), [[[1, 0], [1, 0], [1, 0]], [[2, 0], [BLANK, 0]], [[BLANK, 0]]]); // prettier-ignore
    expect(emissions).toEqual([[1, 0, 1], [1, 0, 1], [2, 1, 1]]); // prettier-ignore
  });
});
