import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface Deliver {
  readonly textToPaste: (text: string, trailingSpace: boolean) => string;
  readonly capitalized: (message: string) => string;
}

await describeModule<Deliver>('lib/deliver', ({ textToPaste, capitalized }) => {
  test('adds one trailing space if requested', () => {
    expect(textToPaste('Done.', true)).toBe('Done. ');
    expect(textToPaste('Done.\n', true)).toBe('Done.\n');
    expect(textToPaste('Done.', false)).toBe('Done.');
  });

  test('capitalizes messages', () => {
    expect(capitalized('no speech detected')).toBe('No speech detected');
    expect(capitalized('')).toBe('');
    expect(capitalized('èlan')).toBe('Èlan');
  });
});
