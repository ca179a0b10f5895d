/** Searching finds what a reader would expect, and no query is an error. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { History } from '#daemon/store/history/index.js';
import { tokenize } from '#daemon/store/history/tokenize.js';
import { parseQuery } from '#daemon/store/history/query.js';
import { snippetOf } from '#daemon/store/history/snippet.js';

const folder = mkdtempSync(join(tmpdir(), 'sotto-search-'));
let history: History;
beforeAll(() => {
  history = History.open(join(folder, 'history.db'));
});
beforeEach(() => void history.destroy());
afterAll(() => {
  history.close();
  rmSync(folder, { recursive: true, force: true });
});

function keep(...texts: string[]): void {
  texts.forEach((text, i) =>
    history.add({ id: `t-${i}`, startedMs: 1000 + i, durationSeconds: 1, text, model: 'm', state: 'final' }),
  );
}

function found(query: string): string[] {
  return history.search(query, { limit: 100 }).map(({ text }) => text);
}

/** Texts and queries of all kinds, half of them from what FTS5 treats as operators. */
const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        'AND',
        'OR',
        'NOT',
        'NEAR(',
        ')',
        '"',
        "'",
        '*',
        '^',
        '-',
        '+',
        ':',
        '{',
        'tokens',
        'a',
        '中',
        ' ',
        '\0',
        '\ud800',
        '--',
        ';',
        'é',
        '%',
        '_',
        '\\',
      ),
    )
    .map((parts) => parts.join('')),
);

describe('a search', () => {
  test.each([
    ['case', 'BUDGET meeting', 'The Budget Meeting is over.'],
    ['accents', 'muller cafe', 'Frau Müller sitzt im Café.'],
    ['accents that are typed and missing in the text', 'résumé', 'my resume'],
    ['letters that are not a letter with an accent', 'strasse smorrebrod', 'Straße, smørrebrød'],
    ['Greek at the end of a word', 'ΟΔΟΣ', 'η οδός'],
    ['the start of the last word', 'move the bud', 'Move the budget.'],
    ['words in another order', 'tuesday dentist', 'The dentist on Tuesday'],
    ['apostrophes', "don't", 'I don’t know'],
    ['a number with a point in it', '3.5', 'It is 3.5 percent.'],
    ['Chinese in the middle of a sentence', '会议', '明天的会议是三点'],
    ['Japanese', '会議は', '明日の会議は三時からです'],
    ['Thai', 'ประชุม', 'พรุ่งนี้มีประชุมตอนบ่าย'],
    ['Korean, by the start of a word', '회의', '내일 회의가 있습니다'],
    ['Hindi', 'बैठक', 'कल बैठक है'],
    ['words that are operators elsewhere', 'NOT OR AND near', 'and or not: near'],
  ])('ignores %s', (_, query, text) => {
    keep(text, 'something else');
    expect(found(query)).toEqual([text]);
  });

  test('requires all words, complete except for the last one, and a word of several tokens in sequence', () => {
    keep('one two three', "it isn't", 'is in a t', 'お 会い し');
    expect(found('one four')).toEqual([]);
    expect(found('on three')).toEqual([]);
    expect(found("isn't")).toEqual(["it isn't"]);
    expect(found('会し')).toEqual([]);
  });

  test('returns the newest first, and no more than requested', () => {
    keep('word a', 'word b', 'word c');
    expect(history.search('word', { limit: 2 }).map(({ text }) => text)).toEqual(['word c', 'word b']);
  });

  test('no query is an error', () => {
    keep('a AND b', '中 a', 'tokens');
    fc.assert(
      fc.property(anything, (query) => void history.search(query, { limit: 5 })),
      { numRuns: 2000 },
    );
  });

  test('a text is found by each of its words, in any spelling', () => {
    fc.assert(
      fc.property(anything, (text) => {
        keep(text);
        for (const { start, end } of tokenize(text)) expect(found(text.slice(start, end))).toHaveLength(1);
        expect(found(text)).toHaveLength(tokenize(text).length === 0 ? 0 : 1);
        expect(history.get('t-0')?.text).toBe(Buffer.from(text.replaceAll('\0', '')).toString());
      }),
      { numRuns: 300 },
    );
  });

  test('a query of a thousand words, or of one endless word, has a result', () => {
    keep('word');
    expect(found('word '.repeat(1000))).toEqual(['word']);
    expect(found('中'.repeat(5000))).toEqual([]);
    expect(found('x'.repeat(100_000))).toEqual([]);
  });
});

describe('a snippet', () => {
  test('is one line around the match, with its words marked', () => {
    const text = `${'before '.repeat(40)}\nthe  needle\tand the haystack ${'after '.repeat(40)}`;
    const { snippet, marks } = snippetOf(text, parseQuery('haystack needle'), 60);
    expect(snippet).toMatch(/^…before .*the needle and the haystack after.*…$/);
    expect(marks.map(({ start, end }) => snippet.slice(start, end))).toEqual(['needle', 'haystack']);
  });

  test('shows a short text as a whole', () => {
    const { snippet, marks } = snippetOf('Grüße aus Köln', parseQuery('koln gr'), 60);
    expect(snippet).toBe('Grüße aus Köln');
    expect(marks.map(({ start, end }) => snippet.slice(start, end))).toEqual(['Grüße', 'Köln'].slice(0, 2));
  });

  test('is never longer than requested, contains its marks, and splits no character', () => {
    fc.assert(
      fc.property(anything, anything, fc.integer({ min: 8, max: 60 }), (text, query, length) => {
        const whole = Buffer.from(`${text} ${query} ${text} 😀😀😀😀 ${text}`).toString();
        const { snippet, marks } = snippetOf(whole, parseQuery(query), length);
        expect(snippet.length).toBeLessThanOrEqual(length + 2);
        expect(Buffer.from(snippet).toString()).toBe(snippet);
        expect(snippet).not.toMatch(/[\n\r\t]/);
        for (const { start, end } of marks) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(snippet.length);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
