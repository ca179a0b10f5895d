import { expect, test } from '@jest/globals';
import { isTooLongFor, spokenWords } from '#daemon/models/text/spoken-words.js';

test.each([
  ['en', 'Fed’st thy light’s flame, 1,001 times!', 6],
  ['ja', 'こんにちは、世界。', 2],
  ['en', '… – ?', 0],
])('counts the words of %s “%s”', (language, text, count) => {
  expect(spokenWords(text, language)).toHaveLength(count);
});

test('no one says fifteen words in a second, or more than three at once', () => {
  const sentence = 'Thou art now the world’s fresh ornament, and tender churl makes waste in niggarding.';
  expect(isTooLongFor(sentence, 1.29, 'en')).toBe(true);
  expect(isTooLongFor(sentence, 3, 'en')).toBe(false);
  expect(isTooLongFor('no no no', 0, 'en')).toBe(false);
  expect(isTooLongFor('no no no no', 0, 'en')).toBe(true);
});
