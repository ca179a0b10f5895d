/** Loading keeps its caller informed and its thread responsive. */
import { describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { loadRecognizer } from '#daemon/models/registry.js';
import { startLoading, readConfig } from '#daemon/models/whisper/checkpoint/load-whisper.js';
import { mx } from '#native/index.js';

import { checkpointDir, editJson } from './checkpoint-dirs.js';
import { starterModel as starterFolder } from '../model-fixtures.js';

describe('loading a model', () => {
  test('reports ascending progress that ends at 1', async () => {
    const live = mx.liveArrays();
    const fractions: number[] = [];
    const model = await loadRecognizer(starterFolder(), {
      onProgress: (fraction) => fractions.push(fraction),
    });
    expect(fractions.length).toBeGreaterThan(2);
    expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);
    expect(fractions[0]).toBeGreaterThan(0);
    expect(fractions.at(-1)).toBe(1);
    model.dispose();
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('keeps this thread responsive', async () => {
    let turns = 0;
    let isOver = false;
    const others = (): void => {
      turns++;
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    const model = await loadRecognizer(starterFolder());
    isOver = true;
    expect(turns).toBeGreaterThan(3);
    model.dispose();
  });

  test('can be cancelled at any point and then holds nothing', async () => {
    const live = mx.liveArrays();
    for (const after of [0, 1 / 100, 1 / 3, 1]) {
      const stop = new AbortController();
      if (after === 0) stop.abort();
      const load = loadRecognizer(starterFolder(), {
        signal: stop.signal,
        onProgress: (fraction) => {
          if (fraction >= after) stop.abort();
        },
      });
      if (after < 1) await expect(load).rejects.toMatchObject({ code: 'CANCELLED' });
      else (await load).dispose(); // already loaded
      expect(mx.liveArrays()).toBeLessThanOrEqual(live);
    }
  });

  test('queues work for the cores before it is awaited', async () => {
    const folder = starterFolder();
    const live = mx.liveArrays();
    const { model } = await startLoading(folder, await readConfig(folder));
    const other = mx.tidy(() => mx.add(mx.ones([4]), 1).tolist()); // on another queue
    expect(other).toEqual([2, 2, 2, 2]);
    (await model).dispose();
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('loads two models at once', async () => {
    const live = mx.liveArrays();
    const both = await Promise.all([loadRecognizer(starterFolder()), loadRecognizer(starterFolder())]);
    const [first, second] = both.map(({ weightBytes }) => weightBytes);
    expect(first).toBe(second);
    for (const model of both) model.dispose();
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });
});

describe('a model that cannot be loaded', () => {
  test('reports a missing tokenizer separately and holds nothing', async () => {
    const folder = checkpointDir('mlx');
    // Two more languages than Whisper has.
    editJson(join(folder, 'config.json'), (json) => {
      json.n_vocab = 51_868;
    });
    const live = mx.liveArrays();
    await expect(loadRecognizer(folder)).rejects.toMatchObject({ code: 'TOKENIZER_FAILED' });
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('holds nothing after truncated weights', async () => {
    const folder = checkpointDir('mlx');
    writeFileSync(join(folder, 'weights.safetensors'), 'cut');
    const live = mx.liveArrays();
    await expect(loadRecognizer(folder)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });
});
