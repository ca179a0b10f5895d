import { expect, test } from '@jest/globals';
import { describeLib } from './load-lib.js';

interface Deliver {
  readonly insertable: (text: string, trailingSpace: boolean) => string;
  readonly capitalised: (message: string) => string;
}

await describeLib<Deliver>('deliver', ({ insertable, capitalised }) => {
  test('a space comes behind inserted text where it is wanted, once', () => {
    expect(insertable('Done.', true)).toBe('Done. ');
    expect(insertable('Done.\n', true)).toBe('Done.\n');
    expect(insertable('Done.', false)).toBe('Done.');
  });

  test('messages begin large', () => {
    expect(capitalised('nothing was said')).toBe('Nothing was said');
    expect(capitalised('')).toBe('');
    expect(capitalised('èlan')).toBe('Èlan');
  });
});
