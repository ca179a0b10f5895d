import { expect, test } from '@jest/globals';
import { limitCache } from '#daemon/engine/cache-limit.js';
import { mx } from '#native/index.js';

const MIB = 1024 * 1024;

/** Bytes that MLX keeps of a freed array of the given size. */
function keptOf(bytes: number): number {
  mx.memory.clearCache();
  const array = mx.zeros([bytes / 4]);
  mx.eval(array);
  array.dispose();
  return mx.memory.cache();
}

test('keeps freed memory for reuse, up to a limit that a small machine can spare', () => {
  const former = mx.memory.setCacheLimit(0);
  try {
    limitCache();
    const [small, large] = mx.defaultDevice() === 'cpu' ? [8, 64] : [256, 1024];
    expect(keptOf(small * MIB)).toBeGreaterThanOrEqual(small * MIB);
    expect(keptOf(large * MIB)).toBeLessThanOrEqual(mx.defaultDevice() === 'cpu' ? 16 * MIB : 512 * MIB);
  } finally {
    mx.memory.setCacheLimit(former);
    mx.memory.clearCache();
  }
});
