import { expect, test } from '@jest/globals';
import type { OpenedAudio } from '#daemon/engine/files/file-context.js';
import { readAhead } from '#daemon/engine/files/read-ahead.js';

/** A file of `chunks` chunks that counts the requests; chunk `faulty` can't be decoded. */
function file(chunks: number, faulty = Infinity) {
  const seen = { decoded: 0, left: false, closed: 0 };
  async function* samples() {
    try {
      for (let i = 0; i < chunks; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (i === faulty) throw new Error('damaged');
        seen.decoded += 1;
        yield Float32Array.of(i);
      }
    } finally {
      seen.left = true;
    }
  }
  const audio: OpenedAudio = {
    durationSeconds: chunks,
    samples: samples(),
    close: () => Promise.resolve(void (seen.closed += 1)),
  };
  return { audio, seen };
}

const ticks = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('decodes ahead of the reader, half a minute and no further', async () => {
  const { audio, seen } = file(1000);
  const ahead = readAhead(audio);
  await ticks(200);
  expect(seen.decoded).toBe(32);
  const reader = ahead.samples[Symbol.asyncIterator]();
  expect((await reader.next()).value).toEqual(Float32Array.of(0));
  await ticks(10);
  expect(seen.decoded).toBe(33);
  await reader.return?.();
  await ticks(10);
  expect(seen).toMatchObject({ decoded: 33, left: true });
});

test.each([0, 1, 31, 32, 33, 100])('passes on all of %i chunks in order', async (chunks) => {
  const { audio } = file(chunks);
  const got: number[] = [];
  for await (const chunk of readAhead(audio).samples) got.push(...chunk);
  expect(got).toEqual(Array.from({ length: chunks }, (_, i) => i));
});

test('reports an error at its place, after the audio before it, not at all if the reader stops earlier', async () => {
  const got: number[] = [];
  const read = async (): Promise<void> => {
    for await (const chunk of readAhead(file(9, 5).audio).samples) got.push(...chunk);
  };
  await expect(read()).rejects.toThrow('damaged');
  expect(got).toEqual([0, 1, 2, 3, 4]);
  const { audio, seen } = file(9, 5);
  const unread = readAhead(audio);
  await ticks(50); // an unhandled rejection would fail the run
  await unread.close();
  expect(seen.closed).toBe(1);
});
