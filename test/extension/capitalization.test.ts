import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface Capitalization {
  readonly applyCapitalization: (text: string, capitalization: 'transcribed' | 'lowercase') => string;
}

await describeModule<Capitalization>('dictation/capitalization', ({ applyCapitalization }) => {
  test('keeps the text as transcribed by default', () => {
    expect(applyCapitalization('And so.', 'transcribed')).toBe('And so.');
  });

  test('lowercases the first letter, except in “I” and words with more capitals', () => {
    expect(applyCapitalization('And so, my fellow Americans.', 'lowercase')).toBe(
      'and so, my fellow Americans.',
    );
    expect(applyCapitalization('Über alles.', 'lowercase')).toBe('über alles.');
    expect(applyCapitalization('A word.', 'lowercase')).toBe('a word.');
    expect(applyCapitalization('In a word.', 'lowercase')).toBe('in a word.');
    for (const same of [
      'I am.',
      'I’m here.',
      "I'll go.",
      'NASA says',
      'McCartney sang',
      'iPhone',
      '42 is it',
      '',
    ]) {
      expect(applyCapitalization(same, 'lowercase')).toBe(same);
    }
  });
});
