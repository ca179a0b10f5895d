import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import { fromOneLine, toOneLine } from '#daemon/protocol/vocabulary.js';
import { addEntries, EMPTY_VOCABULARY } from '#daemon/store/vocabulary/vocabulary-changes.js';
import { formatVocabulary, parseImport } from '#daemon/store/vocabulary/vocabulary-format.js';

const vocabulary = {
  words: ['Nguyen', 'Hopper, Grace', 'say "hi"', ' 我用 '],
  replacements: [
    { from: 'new line', to: '\n' },
    { from: 'sean', to: 'Shaun; or, rather: Séan' },
    { from: 'um', to: '' },
  ],
};

describe('a vocabulary', () => {
  test.each(['json', 'csv'] as const)('survives an export and import: %s', (format) => {
    expect(parseImport(formatVocabulary(vocabulary, format))).toEqual(vocabulary);
  });

  test('with any content', () => {
    const field = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
    fc.assert(
      fc.property(
        fc.array(field),
        fc.array(fc.record({ from: field, to: fc.string({ maxLength: 20 }) })),
        (words, replacements) => {
          const { vocabulary } = addEntries(EMPTY_VOCABULARY, { words, replacements });
          for (const format of ['json', 'csv'] as const) {
            const back = addEntries(EMPTY_VOCABULARY, parseImport(formatVocabulary(vocabulary, format)));
            expect(back.vocabulary).toEqual(vocabulary);
          }
        },
      ),
    );
  });

  test.each([
    [
      'one word per line',
      'Nguyen\r\nAda Lovelace\n\n',
      { words: ['Nguyen', 'Ada Lovelace'], replacements: [] },
    ],
    [
      'two columns',
      'original,replacement\nsean,Shaun\n',
      { words: [], replacements: [{ from: 'sean', to: 'Shaun' }] },
    ],
    [
      'semicolons and a byte order mark',
      '\uFEFFsean;"Shaun, PhD"\nNguyen;',
      { words: ['Nguyen'], replacements: [{ from: 'sean', to: 'Shaun, PhD' }] },
    ],
    ['tabs', 'new line\t\\n', { words: [], replacements: [{ from: 'new line', to: '\n' }] }],
    ['a list', '["Nguyen"]', { words: ['Nguyen'], replacements: [] }],
    ['an object', '{"sean": "Shaun"}', { words: [], replacements: [{ from: 'sean', to: 'Shaun' }] }],
    [
      'our object, with replacements as an object',
      '{"replacements": {"sean": "Shaun"}}',
      { words: [], replacements: [{ from: 'sean', to: 'Shaun' }] },
    ],
    ['nothing', '', { words: [], replacements: [] }],
  ])('is imported from another program: %s', (_what, text, expected) => {
    expect(parseImport(text)).toEqual(expected);
  });

  test.each(['{"words": 3}', '[1]', '{"a": {}}', '{'])('that is invalid is refused: %s', (text) => {
    expect(() => parseImport(text)).toThrow(SottoError);
  });
});

test('a line break is typed as \\n, and a backslash as two', () => {
  expect(fromOneLine('a\\nb')).toBe('a\nb');
  expect(fromOneLine('C:\\\\new')).toBe('C:\\new');
  fc.assert(fc.property(fc.string(), (to) => expect(fromOneLine(toOneLine(to))).toBe(to)));
});
