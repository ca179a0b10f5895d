/** The fallback of JointCache where the in-place kernel fails to compile or gives wrong values: it copies. */
import { expect, jest, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { values } from './nn-fixtures.js';

test('falls back to copying if the kernel writes wrong values', () => {
  const wrong = jest
    .spyOn(mx.fast, 'appendInPlace')
    .mockImplementation((_, buffer) => [buffer, buffer, buffer, mx.add(buffer, mx.ones([1], 'float16'))]);
  const attended = [1, 3, 1, 70].map((added) => mx.add(mx.zeros([1, added, 96]), added));
  const run = (cache: nn.SelfAttentionCache): number[] =>
    attended.flatMap((qkv) => {
      const result: MxArray = mx.tidy(() => cache.attend(qkv, 2));
      return values(result);
    });
  using copying = new nn.JointCache(80);
  expect(wrong).toHaveBeenCalledTimes(1); // the trial
  const actual = run(copying);
  expect(wrong).toHaveBeenCalledTimes(1);
  using panels = new nn.PanelCache(80);
  const expected = run(panels);
  expect(actual).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) expect(actual[index]).toBeCloseTo(value, 4);
});
