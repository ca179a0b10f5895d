/** Counting of words that are shown and then replaced. */
import { describe, expect, test } from '@jest/globals';
import { Rewrites } from './rewrites.js';

/** Number of replaced words after a series of texts; the text before a bar is committed. */
function rewritten(...texts: string[]): number {
  const rewrites = new Rewrites();
  for (const text of texts) {
    const [committed = '', tentative = ''] = text.includes('|') ? text.split('|') : ['', text];
    rewrites.show([committed], [tentative]);
  }
  return rewrites.count;
}

describe('shown words', () => {
  test('do not count when more words follow or they are committed', () => {
    expect(rewritten('so', 'so my', 'so my|fellow', 'fellow|Americans', 'Americans|')).toBe(0);
  });

  test('count once each when they are replaced', () => {
    expect(rewritten('so my', 'saw my', 'saw my fellow')).toBe(1);
    expect(rewritten('so my', 'thank you')).toBe(2);
    expect(rewritten('so my', 'saw|my', 'mine|')).toBe(2);
  });

  test('count when they are removed before words that stay', () => {
    expect(rewritten('so oh my fellow', 'so my fellow')).toBe(1);
  });

  test('do not count when a word is inserted between them', () => {
    expect(rewritten('my fellow Americans', 'my dear fellow Americans')).toBe(0);
  });

  test('do not count when they are hidden and reappear, but when others appear', () => {
    expect(rewritten('so my fellow', 'so', 'so my fellow')).toBe(0);
    expect(rewritten('so my fellow', 'so', 'so my friend')).toBe(1);
  });

  test('are equal in different case and punctuation', () => {
    expect(rewritten('So, my', 'so my,', 'so|My.')).toBe(0);
  });
});
