import { describe, expect, test } from '@jest/globals';
import { fitsWithOthers, assertFits } from '#daemon/engine/memory-budget.js';
import { SottoError } from '#daemon/protocol/errors.js';

const need = { weightBytes: 60, workBytes: 40 };
const idle = { need, holders: 0 };
const busy = { need, holders: 1 };

describe('the memory of models', () => {
  test.each([
    ['nothing', [], 100],
    ['an idle model, which needs its weights only', [idle], 160],
    ['a model in use, which needs its working memory too', [busy], 200],
    ['both', [idle, busy], 260],
  ])('a model fits with %s from the exact sum on', (_name, others, bytes) => {
    expect(fitsWithOthers(others, need, { maxBytes: bytes })).toBe(true);
    expect(fitsWithOthers(others, need, { maxBytes: bytes - 1 })).toBe(false);
    expect(fitsWithOthers(others, need, {})).toBe(true);
  });

  test('refuses a model that would not fit into empty memory, with both sizes and the advice', () => {
    const large = { weightBytes: 2.5e9, workBytes: 0.5e9 };
    expect(() => assertFits('m', large, { maxBytes: 3e9 })).not.toThrow();
    const refused = (): void => assertFits('m', large, { maxBytes: 2.999e9, advice: 'use a smaller one' });
    expect(refused).toThrow(SottoError);
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'INSUFFICIENT_MEMORY',
        message: expect.stringMatching(/3000 MB.*2999 MB/),
        hint: 'use a smaller one',
      }),
    );
  });
});
