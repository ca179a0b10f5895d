import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { joinCodes, type Codes } from '#daemon/protocol/codec.js';
import { CodesReplay } from '#daemon/sessions/jobs/codes-replay.js';

/** Cuts what a codec computed into chunks of these sizes; the rest is the last chunk. */
function chunked({ codes, scales = [] }: Codes, sizes: readonly number[]): Codes[] {
  const chunks: Codes[] = [];
  let at = 0;
  for (const size of [...sizes, Infinity]) {
    chunks.push({
      codes: codes.map((list) => list.slice(at, at + size)),
      scales: scales.slice(at, at + size),
    });
    at += size;
  }
  return chunks;
}

const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 });
const made = fc.record({
  codes: fc.array(fc.array(fc.nat(9), { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
  scales: fc.array(fc.nat(9), { maxLength: 12 }),
});

describe('the codes of a file whose engine died', () => {
  test('are sent once each, in order, however both runs cut them', () => {
    fc.assert(
      fc.property(made, sizes, sizes, fc.nat(6), (whole, first, second, until) => {
        const replay = new CodesReplay();
        const sent: Codes[] = [];
        const send = (chunk: Codes): void => {
          const fresh = replay.fresh(chunk);
          if (fresh !== undefined) sent.push(fresh);
        };
        chunked(whole, first).slice(0, until).forEach(send);
        replay.restart();
        chunked(whole, second).forEach(send);
        const { codes, scales = [] } = joinCodes(sent);
        const isEmpty = sent.length === 0;
        expect(isEmpty ? whole.codes.map(() => []) : codes).toEqual(whole.codes);
        expect(scales).toEqual(whole.scales);
      }),
    );
  });
});
