import { describe, expect, test } from '@jest/globals';
import { markdownTable, median, slope, spread, sum } from './report.js';

describe('figures', () => {
  test('the median of an even number of values is the mean of the middle two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([5, 1, 3])).toBe(3);
  });

  test('a slope is per step, whatever the offset', () => {
    expect(slope([10, 12, 14, 16])).toBeCloseTo(2);
    expect(slope([7, 7, 7])).toBe(0);
  });

  test('the spread is the ratio of the largest to the smallest value', () => {
    expect(spread([2, 1, 1.5])).toBe(2);
    expect(sum([])).toBe(0);
  });
});

test('a table aligns its columns and fills missing cells', () => {
  expect(markdownTable(['who', 'x'], [['base', '1'], ['peer']])).toBe(
    ['| who  | x |', '| ---- | - |', '| base | 1 |', '| peer |   |'].join('\n'),
  );
});
