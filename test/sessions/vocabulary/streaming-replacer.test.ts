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

test('without replacements all of it is given at once', () => {
  const text = new StreamingReplacer(new Replacer([]));
  expect([text.add('one'), text.add(' two'), text.end()]).toEqual(['one', ' two', '']);
});

test('a phrase that is still being said is held back until it is known', () => {
  const text = new StreamingReplacer(new Replacer(RULES));
  const first = text.add('I live in new');
  expect(first).not.toContain('new');
  const rest = text.add(' york and work') + text.end();
  expect(first + rest).toBe('I live in NYC and work');
});

test('whatever is said, in whatever parts, what was given is the beginning of all of it', () => {
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
