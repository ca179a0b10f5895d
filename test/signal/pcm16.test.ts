import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toPcm16 } from '#daemon/signal/pcm16.js';

test('keeps 16-bit samples and clips louder ones instead of wrapping', () => {
  fc.assert(
    fc.property(fc.int16Array(), (samples) => {
      expect([...toPcm16(Float32Array.from(samples, (sample) => sample / 32_768))]).toEqual([...samples]);
    }),
  );
  expect([...toPcm16(Float32Array.of(1, 1.5, -1, -7))]).toEqual([32_767, 32_767, -32_768, -32_768]);
});
