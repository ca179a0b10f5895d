import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type GroupLanguages, viterbiPath } from '#daemon/models/whisper/language/viterbi-path.js';
import { combineVotes } from '#daemon/models/whisper/language/language-votes.js';

const group = (seconds: number, probabilities: Record<string, number>): GroupLanguages => ({
  seconds,
  probabilities: new Map(Object.entries(probabilities)),
});
const en = (seconds = 4): GroupLanguages => group(seconds, { en: 0.99, de: 0.005 });
const de = (seconds = 4): GroupLanguages => group(seconds, { de: 0.99, en: 0.0005 });

const CODES = ['en', 'de', 'ja'] as const;
const anyGroup = fc
  .tuple(fc.double({ min: 0.3, max: 6, noNaN: true }), fc.array(fc.nat(100), { minLength: 3, maxLength: 3 }))
  .map(([seconds, weights]) => {
    const sum = weights.reduce((a, b) => a + b, 0) || 1;
    return group(seconds, Object.fromEntries(CODES.map((code, i) => [code, (weights[i] ?? 0) / sum])));
  });

/** The cost of a given path. */
function cost(groups: readonly GroupLanguages[], path: readonly string[], before?: string): number {
  return groups.reduce((sum, { seconds, probabilities }, i) => {
    const last = i === 0 ? before : path[i - 1];
    const changed = last !== undefined && last !== path[i] ? 2.5 : 0;
    const p = Math.max(0.001, probabilities.get(path[i] ?? '') ?? 0);
    return sum + changed - Math.min(1, seconds / 2.75) * Math.log(p);
  }, 0);
}

function paths(length: number): string[][] {
  if (length === 0) return [[]];
  return paths(length - 1).flatMap((path) => CODES.map((code) => [...path, code]));
}

describe('the languages of groups of speech', () => {
  test('are those of the cheapest path', () => {
    fc.assert(
      fc.property(
        fc.array(anyGroup, { minLength: 1, maxLength: 5 }),
        fc.option(fc.constantFrom(...CODES), { nil: undefined }),
        (groups, before) => {
          const path = viterbiPath(groups, before);
          expect(path).toHaveLength(groups.length);
          const candidate = before === undefined ? 0.1 : 0.35;
          const candidates = new Set(
            groups.flatMap(({ probabilities }) =>
              [...probabilities].flatMap(([c, p]) => (p >= candidate ? [c] : [])),
            ),
          );
          if (before !== undefined) candidates.add(before);
          const all = paths(groups.length).filter((other) => other.every((code) => candidates.has(code)));
          const minCost = Math.min(...all.map((other) => cost(groups, other, before)));
          expect(cost(groups, path, before)).toBeCloseTo(minCost, 9);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('change for a sentence that is certainly in another language, also at the start and the end', () => {
    expect(viterbiPath([en(), de(), en()])).toEqual(['en', 'de', 'en']);
    expect(viterbiPath([de(), en(), en()])).toEqual(['de', 'en', 'en']);
    expect(viterbiPath([de()], 'en')).toEqual(['de']);
    expect(viterbiPath([])).toEqual([]);
  });

  test('do not change for a word, an uncertain sentence or noise', () => {
    expect(viterbiPath([en(), de(1), en()])).toEqual(['en', 'en', 'en']);
    expect(viterbiPath([en(), group(2.4, { pt: 0.79, en: 0.015 }), en()])).toEqual(['en', 'en', 'en']);
    expect(viterbiPath([group(1.9, { ar: 0.9, en: 0.032 })], 'en')).toEqual(['en']);
    const noise = group(5, { nn: 0.3, la: 0.2, ja: 0.15, en: 0.05 });
    expect(viterbiPath([noise, noise, de(), noise], 'de')).toEqual(['de', 'de', 'de', 'de']);
  });
});

describe('the language of several windows', () => {
  const vote = (seconds: number, noSpeechProb: number, probabilities: Record<string, number>) => ({
    seconds,
    noSpeechProb,
    probabilities: new Map(Object.entries(probabilities)),
  });

  test('is that of a single window', () => {
    const one = combineVotes([vote(3, 0.2, { ja: 0.7, en: 0.3 })]);
    expect(one.language).toBe('ja');
    expect(one.probability).toBeCloseTo(0.7, 9);
    expect(combineVotes([vote(0, 1, { sv: 0.4, en: 0.3 })]).language).toBe('sv');
  });

  test('counts a window by its speech', () => {
    const jingle = vote(1, 0.9, { nn: 0.45, en: 0.1 });
    const speech = vote(28, 0.1, { es: 0.4, pt: 0.35 });
    expect(combineVotes([jingle, speech]).language).toBe('es');
    expect(combineVotes([speech, jingle]).language).toBe('es');
  });

  test('does not depend on the order, and its probability is valid', () => {
    const votes = fc.array(
      fc
        .tuple(
          fc.double({ min: 0, max: 30, noNaN: true }),
          fc.double({ min: 0, max: 1, noNaN: true }),
          anyGroup,
        )
        .map(([seconds, noSpeechProb, { probabilities }]) => ({ seconds, noSpeechProb, probabilities })),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(votes, (all) => {
        const { probability } = combineVotes(all);
        expect(combineVotes([...all].reverse()).probability).toBeCloseTo(probability, 9);
        expect(probability).toBeGreaterThanOrEqual(0);
        expect(probability).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });
});
