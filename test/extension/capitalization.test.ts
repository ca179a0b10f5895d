import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface Capitalization {
  readonly applyCapitalization: (text: string, capitalization: 'written' | 'small') => string;
}

await describeModule<Capitalization>('dictation/capitalization', ({ applyCapitalization }) => {
  test('a text stays as it is written where nothing else is wanted', () => {
    expect(applyCapitalization('And so.', 'written')).toBe('And so.');
  });

  test('a small first letter, but not of “I” and of what has more capitals', () => {
    expect(applyCapitalization('And so, my fellow Americans.', 'small')).toBe('and so, my fellow Americans.');
    expect(applyCapitalization('Über alles.', 'small')).toBe('über alles.');
    expect(applyCapitalization('A word.', 'small')).toBe('a word.');
    expect(applyCapitalization('In a word.', 'small')).toBe('in a word.');
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
      expect(applyCapitalization(same, 'small')).toBe(same);
    }
  });
});
