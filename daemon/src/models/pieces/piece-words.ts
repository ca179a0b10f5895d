/** Groups the tokens of pieces into words. */
import type { Word } from '#daemon/protocol/transcription.js';

import { toCentiseconds } from '../centiseconds.js';
import { isMark, wordStarts } from '../streaming/hypothesis.js';
import type { TimedToken } from './piece-decoder.js';

/** The tokens of each word, punctuation included. @param isSpaced whether spaces separate words */
export function groupWords<T extends { readonly text: string }>(
  tokens: readonly T[],
  isSpaced: boolean,
): T[][] {
  const starts = wordStarts(
    tokens.map(({ text }) => text),
    isSpaced,
  );
  const words: T[][] = [];
  for (const [i, token] of tokens.entries()) {
    if (i === 0 || starts[i] === true) words.push([token]);
    else words.at(-1)?.push(token);
  }
  return words;
}

/** Words with their times. Punctuation adds to the text of a word, not to its times. */
export function wordsOf(tokens: readonly TimedToken[], isSpaced: boolean): Word[] {
  return groupWords(tokens, isSpaced).map((word) => {
    const timed = word.filter(({ text }) => !isMark(text));
    const [first, last] = [timed[0] ?? word[0], timed.at(-1) ?? word.at(-1)];
    return {
      start: toCentiseconds(first?.start ?? 0),
      end: toCentiseconds(last?.end ?? 0),
      word: word.map(({ text }) => text).join(''),
      probability: word.reduce((sum, { probability }) => sum + probability, 0) / word.length,
    };
  });
}
