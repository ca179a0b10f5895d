import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface Deliver {
  readonly textToPaste: (text: string, trailingSpace: boolean) => string;
  readonly capitalized: (message: string) => string;
}

await describeModule<Deliver>('lib/deliver', ({ textToPaste, capitalized }) => {
  test('a space comes behind inserted text where it is wanted, once', () => {
    expect(textToPaste('Done.', true)).toBe('Done. ');
    expect(textToPaste('Done.\n', true)).toBe('Done.\n');
    expect(textToPaste('Done.', false)).toBe('Done.');
  });

  test('messages begin large', () => {
    expect(capitalized('nothing was said')).toBe('Nothing was said');
    expect(capitalized('')).toBe('');
    expect(capitalized('èlan')).toBe('Èlan');
  });
});
