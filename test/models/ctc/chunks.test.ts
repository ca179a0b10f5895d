import { describe, expect, test } from '@jest/globals';
import { overlappingChunks, type AudioChunk } from '#daemon/models/ctc/chunks.js';
import { seededRandom } from '../../harness/seeded-random.js';

const HOP = 4;
const WINDOW = 7;

/** A model whose frame is the sum of the samples it reads. */
function framesOf(samples: Float32Array): number[] {
  const count = Math.max(0, Math.floor((samples.length - WINDOW) / HOP) + 1);
  return Array.from({ length: count }, (_, i) =>
    samples.subarray(i * HOP, i * HOP + WINDOW).reduce((sum, x) => sum + x, 0),
  );
}

async function* pieces(samples: Float32Array, random: () => number): AsyncGenerator<Float32Array> {
  await Promise.resolve();
  for (let at = 0; at < samples.length;) {
    const size = Math.floor(random() * 40);
    yield samples.subarray(at, at + size);
    at += size;
  }
}

describe('overlapping chunks', () => {
  test.each([0, 3, 6, 7, 10, 11, 50, 99, 100, 101, 119, 120, 121, 500, 1234])(
    'joined they are the frames of the whole: %p samples',
    async (length) => {
      const random = seededRandom(length);
      const samples = Float32Array.from({ length }, () => Math.floor(random() * 100));
      const joined: number[] = [];
      const chunks: AudioChunk[] = [];
      const geometry = { hop: HOP, window: WINDOW, frames: 20, context: 5 };
      for await (const chunk of overlappingChunks(pieces(samples, random), geometry)) {
        chunks.push(chunk);
        joined.push(...framesOf(chunk.samples).slice(chunk.skip, chunk.skip + chunk.keep));
      }
      expect(joined).toEqual(framesOf(samples));
      expect(chunks.filter(({ keep }) => keep === Infinity)).toEqual([chunks.at(-1)]);
      for (const { samples, skip } of chunks) {
        expect(samples.length).toBeLessThanOrEqual((20 + 2 * 5) * HOP + WINDOW);
        expect(skip).toBeLessThanOrEqual(5);
      }
      for (const { samples, skip } of chunks.slice(1, -1)) {
        expect(framesOf(samples).length).toBe(30);
        expect(skip).toBe(5);
      }
    },
  );
});
