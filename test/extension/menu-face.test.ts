import { expect, test } from '@jest/globals';
import { describeLib } from './load-lib.js';

interface MenuFace {
  readonly lineOf: (text: string) => string;
}

await describeLib<MenuFace>('menu-face', ({ lineOf }) => {
  test('a text is cut behind a word, and stands in one line', () => {
    expect(lineOf('two\nlines')).toBe('two lines');
    expect(lineOf('the quick brown fox jumps over the lazy dog again')).toBe(
      'the quick brown fox jumps over the lazy dog…',
    );
    expect(lineOf('a'.repeat(60))).toHaveLength(45);
  });
});
