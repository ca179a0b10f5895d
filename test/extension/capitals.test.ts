import { expect, test } from '@jest/globals';
import { describeLib } from './load-lib.js';

interface Capitals {
  readonly withCapitals: (text: string, capitals: 'written' | 'small') => string;
}

await describeLib<Capitals>('capitals', ({ withCapitals }) => {
  test('a text stays as it is written where nothing else is wanted', () => {
    expect(withCapitals('And so.', 'written')).toBe('And so.');
  });

  test('a small first letter, but not of “I” and of what has more capitals', () => {
    expect(withCapitals('And so, my fellow Americans.', 'small')).toBe('and so, my fellow Americans.');
    expect(withCapitals('Über alles.', 'small')).toBe('über alles.');
    expect(withCapitals('A word.', 'small')).toBe('a word.');
    expect(withCapitals('In a word.', 'small')).toBe('in a word.');
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
      expect(withCapitals(same, 'small')).toBe(same);
    }
  });
});
