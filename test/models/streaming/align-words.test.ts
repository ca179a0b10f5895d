import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { countCommitted, matchWords } from '#daemon/models/streaming/align-words.js';

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

describe('the words of the last decode', () => {
  test.each<[string, string, (number | undefined)[]]>([
    ['a b c', 'a b c d', [0, 1, 2, undefined]],
    ['a b c', 'a x c', [0, undefined, 2]],
    ['and the dog', 'the and the dog', [undefined, 0, 1, 2]],
    ['a b c d', 'a d', [0, 3]],
    ['', 'a', [undefined]],
    ['a', '', []],
  ])('%j → %j', (previous, next, matches) => {
    expect(matchWords(words(previous), words(next))).toEqual(matches);
  });

  test('match in order, and only the same words', () => {
    const list = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
    fc.assert(
      fc.property(list, list, (previous, next) => {
        const found = matchWords(previous, next);
        expect(found).toHaveLength(next.length);
        const kept = found.filter((place) => place !== undefined);
        expect(kept).toEqual([...new Set(kept)].toSorted((a, b) => a - b));
        for (const [i, place] of found.entries())
          if (place !== undefined) expect(previous[place]).toBe(next[i]);
      }),
    );
  });
});

describe('the committed words in a new decode', () => {
  test.each<[string, string, number]>([
    ['i think', 'i think that', 2],
    ['i think', 'i thank that is', 2],
    ['i think so', 'think so too', 2],
    ['half a', 'a word', 1],
    ['the cat', 'and the cat sat', 3],
    ['', 'all of it', 0],
    ['very very', 'very very very', 2],
    ['gone', '', 0],
  ])('%j in %j: the first %d', (committed, next, count) => {
    const places = [...words(committed).keys()].length;
    expect(countCommitted(words(committed), words(next), (n) => Math.abs(n - places))).toBe(count);
  });

  test('the place decides between equal alignments', () => {
    expect(countCommitted(['x'], ['a', 'b', 'c'], (count) => Math.abs(count - 1))).toBe(1);
    expect(countCommitted(['x'], ['a', 'b', 'c'], (count) => count)).toBe(0);
  });
});
