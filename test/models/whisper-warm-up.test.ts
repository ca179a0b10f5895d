/** The windows of a warm-up. */
import { expect, test } from '@jest/globals';
import { kernelClass, warmUpLengths, windowLengths } from '#daemon/models/whisper/whisper-warm-up.js';

const BASE = 512;
const TURBO = 1280;

test.each([
  ['base', BASE, 23, [3000, 1600, 800]],
  ['turbo', TURBO, 12, [3000, 2400, 1600, 1000]],
] as const)('of the windows of %s few are run on a GPU', (_, nTextState, count, lengths) => {
  expect(windowLengths(nTextState)).toHaveLength(count);
  expect(warmUpLengths(nTextState, 'gpu')).toEqual(lengths);
  expect(warmUpLengths(nTextState, 'cpu')).toEqual([lengths[0], lengths.at(-1)]);
});

test.each([384, BASE, 768, TURBO])(
  'each window of a model of width %i finds its kernels loaded',
  (nTextState) => {
    const classes = new Set(warmUpLengths(nTextState, 'gpu').map(kernelClass));
    for (const frames of windowLengths(nTextState)) expect(classes).toContain(kernelClass(frames));
  },
);

test.each([
  [3000, 0], // 1500 positions: 4 × 375
  [800, 16], // 400: 16 × 25
  [1600, 32], // 800: 32 × 25
  [1280, 64], // 640: 64 × 10
  [1501, 0], // 751
])('of %i frames the positions fill blocks of %i', (frames, block) => {
  expect(kernelClass(frames)).toBe(block);
});
