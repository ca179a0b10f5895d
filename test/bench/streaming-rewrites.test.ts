/** Which shown words count as taken back. */
import { describe, expect, test } from '@jest/globals';
import { Rewrites } from './streaming-rewrites.js';

/** Taken back in all, after showing one text after the other; what is before a bar is committed. */
function rewritten(...texts: string[]): number {
  const rewrites = new Rewrites();
  for (const text of texts) {
    const [committed = '', tentative = ''] = text.includes('|') ? text.split('|') : ['', text];
    rewrites.show([committed], [tentative]);
  }
  return rewrites.count;
}

describe('words that were shown', () => {
  test('are not taken back when more follows, or when they are committed', () => {
    expect(rewritten('so', 'so my', 'so my|fellow', 'fellow|Americans', 'Americans|')).toBe(0);
  });

  test('count once each when others take their place', () => {
    expect(rewritten('so my', 'saw my', 'saw my fellow')).toBe(1);
    expect(rewritten('so my', 'thank you')).toBe(2);
    expect(rewritten('so my', 'saw|my', 'mine|')).toBe(2);
  });

  test('count when they go and what is behind them stays', () => {
    expect(rewritten('so oh my fellow', 'so my fellow')).toBe(1);
  });

  test('do not count when a word is put in between them', () => {
    expect(rewritten('my fellow Americans', 'my dear fellow Americans')).toBe(0);
  });

  test('do not count when they are hidden and come back, but when others come', () => {
    expect(rewritten('so my fellow', 'so', 'so my fellow')).toBe(0);
    expect(rewritten('so my fellow', 'so', 'so my friend')).toBe(1);
  });

  test('are the same in another case and with other marks', () => {
    expect(rewritten('So, my', 'so my,', 'so|My.')).toBe(0);
  });
});
