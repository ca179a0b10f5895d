import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StreamingReplacer } from '#daemon/sessions/vocabulary/streaming-replacer.js';
import { Replacer } from '#daemon/sessions/vocabulary/replacer.js';
import { applyReplacements } from '#daemon/sessions/vocabulary/apply-replacements.js';

const RULES = [
  { from: 'new york', to: 'NYC' },
  { from: 'full stop', to: '.' },
  { from: 'b', to: 'bee bee' },
];

test('returns all text at once without replacements', () => {
  const text = new StreamingReplacer(new Replacer([]));
  expect([text.add('one'), text.add(' two'), text.end()]).toEqual(['one', ' two', '']);
});

test('holds back a phrase until it is certain', () => {
  const text = new StreamingReplacer(new Replacer(RULES));
  const first = text.add('I live in new');
  expect(first).not.toContain('new');
  const rest = text.add(' york and work') + text.end();
  expect(first + rest).toBe('I live in NYC and work');
});

test('whatever the text and its parts, returned text is the start of the whole', () => {
  const word = fc.constantFrom(' new', ' york', ' full', ' stop', ' b', ' other', ',', '\n', ' New York');
  fc.assert(
    fc.property(fc.array(fc.array(word, { maxLength: 4 }), { maxLength: 10 }), (parts) => {
      const replacer = new Replacer(RULES);
      const text = new StreamingReplacer(replacer);
      const given = parts.map((words) => text.add(words.join('')));
      given.push(text.end());
      const source = parts.flat().join('');
      expect(given.join('')).toBe(applyReplacements(replacer, source));
      expect(text.text).toBe(given.join(''));
    }),
    { numRuns: 300 },
  );
});
