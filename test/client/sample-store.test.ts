import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SampleStore } from '#daemon/client/sample-store.js';
import { ramp } from '#test/harness/ramp.js';

describe('SampleStore', () => {
  test('reads back samples from any stored position', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 20 }),
        fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 90 }), fc.nat(400)), { maxLength: 20 }),
        (pieces, reads) => {
          const store = new SampleStore();
          for (const piece of pieces) store.append(ramp(store.end, store.end + piece));
          for (const [from, maxSamples, release] of reads) {
            store.releaseBefore(Math.min(release, store.end));
            const sample = Math.min(Math.max(from, store.start), store.end);
            const bytes = store.read(sample, maxSamples);
            const expected = ramp(sample, Math.min(sample + maxSamples, store.end));
            expect([...new Int16Array(bytes.buffer)]).toEqual([...expected]);
          }
        },
      ),
    );
  });
});
