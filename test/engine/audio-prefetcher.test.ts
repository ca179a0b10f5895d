import { describe, expect, test } from '@jest/globals';
import { AudioPrefetcher } from '#daemon/engine/files/audio-prefetcher.js';
import type { OpenedAudio } from '#daemon/engine/files/file-context.js';
import { until } from '#test/harness/wait.js';

function setUp() {
  const opened: string[] = [];
  const closed: string[] = [];
  const pulled: string[] = [];
  const marks = new Map<string, string>();
  const next = new AudioPrefetcher({
    fingerprintOf: (path) => (path.startsWith('/missing') ? undefined : (marks.get(path) ?? 'as it was')),
    open: (path) => {
      opened.push(path);
      if (path.startsWith('/missing')) return Promise.reject(new Error('there is none'));
      async function* samples() {
        for (let second = 0; second < 3; second++) {
          pulled.push(path);
          yield await Promise.resolve(Float32Array.of(second));
        }
      }
      const audio: OpenedAudio = {
        durationSeconds: 3,
        samples: samples(),
        close: () => Promise.resolve(void closed.push(path)),
      };
      return Promise.resolve(audio);
    },
  });
  return { next, opened, closed, pulled, marks };
}

function claim(next: AudioPrefetcher, path: string): Promise<OpenedAudio> {
  return next.claim(path).open();
}

async function readAll(audio: OpenedAudio): Promise<number[]> {
  const all: number[] = [];
  for await (const chunk of audio.samples) all.push(...chunk);
  return all;
}

describe('AudioPrefetcher', () => {
  test('decodes the next file before it is claimed, opens it once, and gives the same audio', async () => {
    const { next, opened, pulled } = setUp();
    next.prefetch('/a');
    next.prefetch('/a');
    await until(() => pulled.length === 3);
    expect(await readAll(await claim(next, '/a'))).toEqual([0, 1, 2]);
    expect(opened).toEqual(['/a']);
    expect(await readAll(await claim(next, '/a'))).toEqual([0, 1, 2]);
    expect(opened).toEqual(['/a', '/a']);
  });

  test('drops the file for another expected one, and keeps it while another file is claimed', async () => {
    const { next, opened, closed } = setUp();
    next.prefetch('/a');
    next.prefetch('/b');
    await until(() => closed.includes('/a'));
    await readAll(await claim(next, '/c'));
    expect(await readAll(await claim(next, '/b'))).toEqual([0, 1, 2]);
    expect(opened).toEqual(['/a', '/b', '/c']);
  });

  test('starts only after the model has a window of the current file', async () => {
    const { next, opened } = setUp();
    const now = (await claim(next, '/a')).samples[Symbol.asyncIterator]();
    next.prefetch('/b');
    await now.next();
    expect(opened).toEqual(['/a']);
    while ((await now.next()).done !== true);
    expect(opened).toEqual(['/a', '/b']);
    next.prefetch('/c');
    await (await claim(next, '/missing').catch(() => claim(next, '/d'))).close();
    expect(opened).toEqual(['/a', '/b', '/c', '/missing', '/d']);
  });

  test('opens a file again that has changed since', async () => {
    const { next, opened, closed, marks } = setUp();
    next.prefetch('/a');
    marks.set('/a', 'written over');
    expect(await readAll(await claim(next, '/a'))).toEqual([0, 1, 2]);
    expect(opened).toEqual(['/a', '/a']);
    await until(() => closed.includes('/a'));
  });

  test('reports a file that can not be opened to its job only', async () => {
    const { next } = setUp();
    next.prefetch('/missing');
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(claim(next, '/missing')).rejects.toThrow('there is none');
  });

  test('drops the file when none is expected any more', async () => {
    const { next, closed } = setUp();
    next.prefetch('/a');
    next.prefetch(undefined);
    await until(() => closed.includes('/a'));
    next.prefetch('/c');
    next.claim('/c').release();
    await until(() => closed.includes('/c'));
    next.prefetch('/b');
    next.close();
    await until(() => closed.includes('/b'));
  });
});
