/** Checks the catalog's memory figures against the computed ones. */
import { describe, expect, test } from '@jest/globals';

import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { footprint, uniformWeights } from '#daemon/models/whisper/memory/whisper-footprint.js';
import { CATALOGUE } from '#daemon/store/catalogue/index.js';
import { KEPT_FOR_REUSE, PROCESS_BYTES } from '#daemon/store/catalogue/whisper.js';

import { SIZES } from '../model-sizes.js';

const sizeOf: Readonly<Record<string, (typeof SIZES)[keyof typeof SIZES]>> = {
  'whisper-tiny': SIZES.tiny,
  'whisper-tiny.en': SIZES['tiny.en'],
  'whisper-base': SIZES.base,
  'whisper-medium': SIZES.medium,
  'whisper-large-v2': SIZES['large-v2'],
  'whisper-large-v3': SIZES['large-v3'],
  'whisper-large-v3-turbo': SIZES.turbo,
  'distil-large-v3': SIZES['distil-large-v3'],
};
const bitsOf = { float16: undefined, '8-bit': 8, '4-bit': 4 } as const;

describe('the memory in the catalog', () => {
  const known = CATALOGUE.flatMap((entry) => {
    const size = sizeOf[entry.name.replace(/-[48]bit$/, '')];
    return size === undefined ? [] : [[entry.name, entry, size] as const];
  });

  test.each(known)('%s matches the computed footprint within 10 %%', (_, entry, size) => {
    const config = parseConfig(size);
    const bits = bitsOf[entry.precision];
    const stored = bits === undefined ? config : { ...config, quantization: { bits, groupSize: 64 } };
    const { weightBytes, workBytes } = footprint(stored, uniformWeights(stored, 'float16'), 'gpu');
    const computed = weightBytes + (1 + KEPT_FOR_REUSE) * workBytes + PROCESS_BYTES;
    expect(Math.abs(entry.memoryBytes / computed - 1)).toBeLessThan(0.1);
  });

  test('is known for more than half of the Whisper models', () => {
    const { length } = CATALOGUE.filter(({ family }) => family === 'whisper');
    expect(known.length).toBeGreaterThan(length / 2);
  });
});
