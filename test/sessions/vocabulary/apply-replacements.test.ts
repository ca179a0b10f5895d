import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { TranscribeEvent, Word } from '#daemon/protocol/transcription.js';
import { Replacer } from '#daemon/sessions/vocabulary/replacer.js';
import {
  applyReplacementsToEvent,
  applyReplacementsToSegment,
  applyReplacementsLive,
  applyReplacements,
  applyReplacementsToWords,
} from '#daemon/sessions/vocabulary/apply-replacements.js';
import { unitsOf } from '#daemon/sessions/vocabulary/text-units.js';

/** A second each. */
function wordsOf(text: string): Word[] {
  return (text.match(/\s*\S+/g) ?? []).map((word, i) => ({ start: i, end: i + 1, word, probability: 1 }));
}

const joined = (words: readonly Word[]): string => words.map(({ word }) => word).join('');

const segment = {
  start: 0,
  end: 2,
  text: ' Hi Sean',
  tokens: [1, 2],
  confidence: 0.9,
  details: { whisper: { avgLogprob: -0.1, noSpeechProb: 0, compressionRatio: 1, temperature: 0 } },
};

describe('words with times', () => {
  test('a word that becomes several keeps its time, several that become one share theirs', () => {
    const replacer = new Replacer([
      { from: 'btw', to: 'by the way' },
      { from: 'com fi', to: 'ComfyUI' },
    ]);
    const words = [...wordsOf(' I like Com fi, btw.')];
    words[3] = { start: 3, end: 4, word: ' fi,', probability: 0.5 };
    expect(applyReplacementsToWords(replacer, words)).toEqual([
      { start: 0, end: 1, word: ' I', probability: 1 },
      { start: 1, end: 2, word: ' like', probability: 1 },
      { start: 2, end: 4, word: ' ComfyUI,', probability: 0.75 },
      { start: 4, end: 5, word: ' by the way.', probability: 1 },
    ]);
  });

  test('a removed word does not change the times of others', () => {
    const replacer = new Replacer([{ from: 'um', to: '' }]);
    expect(
      applyReplacementsToWords(replacer, wordsOf(' Um, so we um go')).map(({ start, word }) => [start, word]),
    ).toEqual([
      [1, ' So'],
      [2, ' we'],
      [4, ' go'],
    ]);
  });

  test('a line break goes to the word after it, or to the last one', () => {
    const replacer = new Replacer([{ from: 'break', to: '\n' }]);
    const texts = (source: string): string[] =>
      applyReplacementsToWords(replacer, wordsOf(source)).map(({ word }) => word);
    expect(texts(' one break. two break')).toEqual([' one', '\ntwo\n']);
    expect(texts(' break')).toEqual(['\n']);
  });

  test('of a segment are its text, and its tokens stay the model’s', () => {
    const replacer = new Replacer([{ from: 'sean', to: 'Shaun' }]);
    expect(applyReplacementsToSegment(replacer, segment)).toEqual({ ...segment, text: ' Hi Shaun' });
    const words = wordsOf(' Hi Sean');
    const timed = applyReplacementsToSegment(replacer, { ...segment, words });
    expect([timed.text, timed.words?.[1]]).toEqual([' Hi Shaun', { ...words[1], word: ' Shaun' }]);
  });
});

test('in the events of a file only segments and text change', () => {
  const events: TranscribeEvent[] = [
    { type: 'segment', segment },
    { type: 'text', text: 'Sean' },
    { type: 'progress', seconds: 2 },
  ];
  const replacer = new Replacer([{ from: 'sean', to: 'Shaun' }]);
  expect(events.map((event) => applyReplacementsToEvent(replacer, event))).toEqual([
    { type: 'segment', segment: { ...segment, text: ' Hi Shaun' } },
    { type: 'text', text: 'Shaun' },
    { type: 'progress', seconds: 2 },
  ]);
  const none = new Replacer([]);
  for (const event of events) expect(applyReplacementsToEvent(none, event)).toBe(event);
});

const pieces = fc.constantFrom(
  ...[
    'a',
    'b',
    'ab',
    'A',
    'Ab',
    'um',
    'x',
    'né',
    'e\u0301',
    '我',
    '用',
    '.',
    ',',
    '’',
    "'t",
    '\n',
    ' ',
    '  ',
    ' ',
  ],
);
const text = fc.array(pieces, { maxLength: 30 }).map((all) => all.join(''));
const replacements = fc.array(
  fc.record({
    from: fc.array(pieces, { minLength: 1, maxLength: 4 }).map((all) => all.join('')),
    to: fc.constantFrom('', 'a', 'b', 'a b', 'X', 'um um', '\n', '.', '我', '$&'),
  }),
  { maxLength: 5 },
);

describe('whatever the text', () => {
  test('a phrase is found as it is given, whatever characters it has', () => {
    const any = fc.oneof(
      fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
      fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }),
      fc.string({ minLength: 1, maxLength: 12 }),
    );
    fc.assert(
      fc.property(any, (from) => {
        fc.pre(from.trim() !== '');
        expect(applyReplacements(new Replacer([{ from, to: 'Aa' }]), from.trim())).toMatch(/^aa$/i);
      }),
      { numRuns: 500 },
    );
  });

  test('words that are not replaced come through in order', () => {
    const rules = [{ from: 'sean', to: 'Shaun' }];
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (source) => {
        fc.pre(!/s\W*e\W*a\W*n/iu.test(source));
        expect(applyReplacements(new Replacer(rules), source)).toBe(source);
      }),
    );
  });

  test('text and words change alike, and times never go back', () => {
    fc.assert(
      fc.property(replacements, text, fc.array(fc.nat(30)), (rules, source, cuts) => {
        const replacer = new Replacer(rules);
        const places = [...new Set([0, ...cuts, source.length])].filter((at) => at <= source.length);
        places.sort((a, b) => a - b);
        const words = places.slice(1).map((at, i) => {
          return { start: i, end: i + 1, word: source.slice(places[i], at), probability: 1 };
        });
        const replaced = applyReplacementsToWords(replacer, words);
        expect(joined(replaced)).toBe(applyReplacements(replacer, source));
        replaced.forEach(({ start, end }, i) => {
          expect(start).toBeLessThan(end);
          expect(start).toBeGreaterThanOrEqual(replaced[i - 1]?.end ?? 0);
        });
      }),
      { numRuns: 500 },
    );
  });

  test('displayed committed text is never taken back, and the end equals the whole text', () => {
    fc.assert(
      fc.property(replacements, text, fc.array(fc.nat(30)), (rules, source, cuts) => {
        const replacer = new Replacer(rules);
        let before = '';
        for (const at of [...cuts.filter((cut) => cut < source.length), source.length].sort(
          (a, b) => a - b,
        )) {
          const displayed = applyReplacementsLive(replacer, {
            committed: source.slice(0, at),
            tentative: source.slice(at, at + 3),
          });
          expect(displayed.committed.startsWith(before)).toBe(true);
          expect(displayed.committed + displayed.tentative).toBe(
            applyReplacements(replacer, source.slice(0, at + 3)),
          );
          before = displayed.committed;
        }
      }),
      { numRuns: 800 },
    );
  });

  test('edits lie within the text, in order, and rules for one place do not depend on their order', () => {
    fc.assert(
      fc.property(replacements, text, (rules, source) => {
        let end = 0;
        for (const edit of new Replacer(rules).edits(source)) {
          expect(edit.start).toBeGreaterThanOrEqual(end);
          expect(edit.matchStart).toBeGreaterThanOrEqual(edit.start);
          expect(edit.end).toBeGreaterThanOrEqual(edit.matchEnd);
          end = edit.end;
        }
        expect(end).toBeLessThanOrEqual(source.length);
      }),
      { numRuns: 500 },
    );
  });
});

test('without replacements nothing is held back', () => {
  const displayed = { committed: 'one two', tentative: ' three' };
  expect(applyReplacementsLive(new Replacer([]), displayed)).toEqual(displayed);
});

test('a character of a script without spaces is a unit', () => {
  expect(unitsOf('我用 sean和x').map(({ start, end }) => [start, end])).toEqual([
    [0, 1],
    [1, 2],
    [3, 7],
    [7, 8],
    [8, 9],
  ]);
});
