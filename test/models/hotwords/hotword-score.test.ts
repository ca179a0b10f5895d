/** What a text earns token by token: a word that ends early gives back what it was given. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Hotwords, INITIAL_STATE, type WordTokenizer } from '#daemon/models/hotwords/hotword-trie.js';

const SPACE = 9;

/** Words are lists of tokens in digits: `123`. Tokens are letters, with a space between words, or signs without words. */
const tokenizer = (hasWords: boolean): WordTokenizer => ({
  encode: (text) => [...text.trim()].map(Number),
  decode: (tokens) => tokens.map((token) => (!hasWords ? '' : token === SPACE ? ' ' : 'a')).join(''),
});

/** The scores after each token, and that of the whole text. */
function scores(hotwords: Hotwords, tokens: readonly number[]): { steps: number[]; final: number } {
  let state = INITIAL_STATE;
  const steps = tokens.map((token) => hotwords.score((state = hotwords.advance(state, token))));
  return { steps, final: hotwords.finalScore(state) };
}

describe('a text earns', () => {
  test.each([
    ['a whole phrase', '123', 3],
    ['a part', '12', 0],
    ['a part, then others', '1255', 0],
    ['after others', '551235', 3],
    ['after its own beginning', '1123', 3],
    ['within a failed one', '1465', 2],
    ['twice, with others between', '1235123', 6],
    ['once in a row', '123123', 3],
    ['a longer one', '4678', 4],
    ['not overlapping', '1233', 3],
  ])('anywhere: %s', (_, text, expected) => {
    const hotwords = new Hotwords(['123', '1462', '46', '4678', '33'], tokenizer(false), 1);
    expect(scores(hotwords, tokenizer(false).encode(text)).final).toBeCloseTo(expected, 9);
  });

  test.each([
    ['a word', '129', 2],
    ['a word at the end', '12', 2],
    ['within a word', '5129', 0],
    ['the beginning of a word', '1259', 0],
    ['two words', '1293', 4],
    ['the second word of a failed phrase', '59129', 2],
    ['a phrase that starts in another', '49129', 2],
  ])('whole words: %s', (_, text, expected) => {
    const hotwords = new Hotwords(['12', '1293', '4917'], tokenizer(true), 1);
    expect(scores(hotwords, tokenizer(true).encode(text)).final).toBeCloseTo(expected, 9);
  });
});

const phrase = fc.stringMatching(/^[1-3]{1,3}$/);
const nats = fc.constantFrom<(tokens: number) => number>(
  (tokens) => tokens,
  (tokens) => 0.5 * tokens ** 2,
  (tokens) => tokens + Math.log(tokens + 1),
);

test('the rewards of a text sum up to what its complete phrases earn, whatever comes first', () => {
  fc.assert(
    fc.property(
      fc.array(phrase, { maxLength: 5 }),
      fc.stringMatching(/^[1-4]{0,9}$/),
      nats,
      (phrases, text, bonus) => {
        const hotwords = new Hotwords(phrases, tokenizer(false), bonus);
        const longest = (before: string): string | undefined =>
          phrases.filter((one) => before.endsWith(one)).sort((one, other) => other.length - one.length)[0];
        // The best set of phrases that do not overlap, by the position where each ends.
        const best = [0];
        for (let end = 1; end <= text.length; end++) {
          // One that directly follows itself earns nothing.
          const ending = phrases.filter(
            (one) => text.slice(0, end).endsWith(one) && longest(text.slice(0, end - one.length)) !== one,
          );
          best[end] = Math.max(
            best[end - 1] ?? 0,
            ...ending.map(({ length }) => (best[end - length] ?? 0) + bonus(length)),
          );
        }
        const { steps, final } = scores(hotwords, tokenizer(false).encode(text));
        expect(final).toBeCloseTo(best.at(-1) ?? 0, 9);
        // A started phrase only adds; outside of all phrases nothing is left of it.
        for (const [i, step] of steps.entries()) {
          expect(step).toBeGreaterThanOrEqual((best[i + 1] ?? 0) - 1e-9);
          if (text[i] === '4') expect(step).toBeCloseTo(best[i + 1] ?? 0, 9);
        }
      },
    ),
  );
});

test('the reward of a token is what the score gains by it', () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(fc.stringMatching(/^[1-39]{1,3}$/), { maxLength: 5 }),
      fc.stringMatching(/^[1-49]{0,6}$/),
      nats,
      (hasWords, phrases, text, bonus) => {
        const made = tokenizer(hasWords);
        const hotwords = new Hotwords(phrases, made, bonus);
        const state = made.encode(text).reduce((at, token) => hotwords.advance(at, token), INITIAL_STATE);
        const scores = new Float32Array(10).fill(1);
        hotwords.reward(scores, state);
        for (const [token, score] of scores.entries()) {
          const gain = hotwords.score(hotwords.advance(state, token)) - hotwords.score(state);
          expect(score).toBeCloseTo(1 + gain, 5);
        }
      },
    ),
  );
});

test('a long list takes its penalty from each word, and never more than it has', () => {
  const others = Array.from({ length: 999 }, (_, i) => `7${i}`);
  const hotwords = new Hotwords(['123', ...others], tokenizer(false), 2);
  const { steps, final } = scores(hotwords, [1, 2, 3]);
  expect(final).toBeCloseTo(6 - Math.log(10), 9);
  expect(steps).toEqual([0, 4 - Math.log(10), 6 - Math.log(10)]);
});
