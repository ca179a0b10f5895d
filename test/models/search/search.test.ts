import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BeamSearch, BestOfSamples, topK, score, type Sequence } from '#daemon/models/search/search.js';

const END = 0;

/** A language model of a few tokens: log-probabilities after a sequence, the same for the same sequence. */
function modelOf(seed: number, vocabulary: number): (tokens: readonly number[]) => Float32Array {
  return (tokens) => {
    let state = seed >>> 0;
    for (const token of tokens) state = (Math.imul(state ^ token, 2_654_435_761) + 12_345) >>> 0;
    const logits = Float64Array.from({ length: vocabulary }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state / 2 ** 32) * 6;
    });
    const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
    return Float32Array.from(logits, (x) => x - total);
  };
}

function run(
  search: BeamSearch | BestOfSamples,
  model: ReturnType<typeof modelOf>,
  maxSteps: number,
): Sequence {
  for (let step = 0; step < maxSteps && search.live.length > 0; step++) {
    const before = search.live;
    const rows = search.step(Float32Array.from(before.flatMap(({ tokens }) => [...model(tokens)])));
    expect(rows).toHaveLength(search.live.length);
    for (const [i, { tokens }] of search.live.entries()) {
      expect(tokens.slice(0, -1)).toEqual(before[rows[i] ?? -1]?.tokens); // each continues its row
    }
  }
  return search.best();
}

/** The beam search of openai/whisper, implemented literally: a map of whole sequences, sorted at each step. */
function reference(model: ReturnType<typeof modelOf>, beamSize: number, patience: number, maxSteps: number) {
  let live = new Map<string, number>([['', 0]]);
  const ended = new Map<string, number>();
  const wanted = Math.max(1, Math.round(beamSize * patience));
  const tokensOf = (key: string): number[] => (key === '' ? [] : key.split(',').map(Number));
  for (let step = 0; step < maxSteps && ended.size < wanted; step++) {
    const scores = new Map<string, number>();
    for (const [key, sum] of live) {
      const offered = [...model(tokensOf(key))].map((logprob, token) => ({ token, logprob }));
      offered.sort((a, b) => b.logprob - a.logprob || a.token - b.token);
      for (const { token, logprob } of offered.slice(0, beamSize + 1)) {
        scores.set(key === '' ? `${token}` : `${key},${token}`, sum + logprob);
      }
    }
    const next = new Map<string, number>();
    for (const [key, sum] of [...scores].sort(([, a], [, b]) => b - a)) {
      if (tokensOf(key).at(-1) === END) {
        if (ended.size < wanted) ended.set(key, sum);
      } else {
        next.set(key, sum);
        if (next.size === beamSize) break;
      }
    }
    live = next;
  }
  const all = [...ended].map(([key, sumLogprob]) => ({ tokens: tokensOf(key).slice(0, -1), sumLogprob }));
  for (const [key, sumLogprob] of [...live].sort(([, a], [, b]) => b - a)) {
    if (all.length >= beamSize) break;
    all.push({ tokens: tokensOf(key), sumLogprob });
  }
  return all;
}

describe('beam search', () => {
  test('equals the reference for any model, width, patience and length penalty', () => {
    const penalties = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 3, max: 9 }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(0.5, 1, 2),
        penalties,
        (seed, vocabulary, beamSize, patience, lengthPenalty) => {
          const model = modelOf(seed, vocabulary);
          const limits = { endOfText: END, vocabulary };
          const got = run(new BeamSearch({ ...limits, beamSize, patience, lengthPenalty }), model, 7);
          const all = reference(model, beamSize, patience, 7);
          const best = Math.max(...all.map((one) => score(one, lengthPenalty)));
          expect(score(got, lengthPenalty)).toBeCloseTo(best, 5);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('finds a better text than a greedy search with a bad start', () => {
    // 1 is slightly more probable first, but only 2 continues well.
    const model = (tokens: readonly number[]): Float32Array =>
      Float32Array.from(
        tokens.length === 0 ? [-20, -0.6, -0.8] : tokens[0] === 1 ? [-3, -3, -3] : [-0.01, -9, -9],
      );
    const limits = { endOfText: END, vocabulary: 3 };
    expect(run(new BeamSearch({ ...limits, beamSize: 2 }), model, 5).tokens).toEqual([2]);
    expect(run(new BeamSearch({ ...limits, beamSize: 1 }), model, 5).tokens[0]).toBe(1);
  });
});

describe('beam search without early stopping', () => {
  test('continues past improbable early ends to the best text', () => {
    // An end is improbable until the third token, but there are always as many as beams.
    const model = (tokens: readonly number[]): Float32Array =>
      Float32Array.from(tokens.length < 3 ? [-2, -0.1, -4] : [-0.05, -9, -9]);
    const options = { endOfText: END, vocabulary: 3, beamSize: 2 };
    expect(run(new BeamSearch(options), model, 9).tokens.length).toBeLessThan(3);
    expect(run(new BeamSearch({ ...options, earlyStopping: false }), model, 9).tokens).toEqual([1, 1, 1]);
  });

  test('never ends with a worse text, for any model and width', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 3, max: 9 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 9 }),
        (seed, vocabulary, beamSize, maxSteps) => {
          const model = modelOf(seed, vocabulary);
          const options = { endOfText: END, vocabulary, beamSize };
          const early = run(new BeamSearch(options), model, maxSteps);
          const late = run(new BeamSearch({ ...options, earlyStopping: false }), model, maxSteps);
          expect(score(late)).toBeGreaterThanOrEqual(score(early) - 1e-6);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('best-of sampling', () => {
  test('picks the maxSteps probable sample, is seeded, and never samples a disallowed token', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 5 }), (seed, draw, count) => {
        const model = modelOf(seed, 6);
        const forbidding = (tokens: readonly number[]): Float32Array => {
          const offered = model(tokens);
          offered[3] = -Infinity;
          return offered;
        };
        const options = { endOfText: END, vocabulary: 6, count, temperature: 0.7, seed: draw };
        const [a, b] = [0, 1].map(() => run(new BestOfSamples(options), forbidding, 20));
        expect(a).toEqual(b);
        expect(a?.tokens).not.toContain(3);
      }),
    );
  });

  test('samples each token with its probability at the temperature', () => {
    const offered = [Math.log(0.1), Math.log(0.6), Math.log(0.3)];
    const counts = [0, 0, 0];
    for (let seed = 0; seed < 4000; seed++) {
      const search = new BestOfSamples({ endOfText: 9, vocabulary: 3, count: 1, temperature: 1, seed });
      search.step(Float32Array.from(offered));
      const token = search.live[0]?.tokens[0] ?? 0;
      counts[token] = (counts[token] ?? 0) + 1;
    }
    for (const [token, share] of [0.1, 0.6, 0.3].entries()) {
      expect(Math.abs((counts[token] ?? 0) / 4000 - share)).toBeLessThan(0.03);
    }
  });
});

test('topK equals a full sort', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double({ min: -9, max: 0, noNaN: true }), fc.constant(-Infinity)), {
        minLength: 1,
      }),
      fc.integer({ min: 1, max: 8 }),
      (values, count) => {
        const logprobs = Float32Array.from(values);
        const sorted = [...logprobs]
          .map((logprob, token) => ({ token, logprob }))
          .filter(({ logprob }) => logprob > -Infinity)
          .sort((a, b) => b.logprob - a.logprob || a.token - b.token);
        expect(topK(logprobs, count)).toEqual(sorted.slice(0, count));
      },
    ),
  );
});
