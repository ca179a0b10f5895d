/** What a load promises those who wait for it, and those whom the same thread serves meanwhile. */
import { describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { loadModel } from '#daemon/models/registry.js';
import { startLoading, readConfig } from '#daemon/models/whisper/checkpoint/load.js';
import { mx } from '#native/index.js';

import { checkpointDir, editJson } from './checkpoint-dirs.js';
import { starterModel as starterFolder } from '../fixtures.js';

describe('loading a model', () => {
  test('says how far it is, never less than before, and ends with all', async () => {
    const live = mx.liveArrays();
    const told: number[] = [];
    const model = await loadModel(starterFolder(), { onProgress: (fraction) => told.push(fraction) });
    expect(told.length).toBeGreaterThan(2);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    expect(told[0]).toBeGreaterThan(0);
    expect(told.at(-1)).toBe(1);
    model.dispose();
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('leaves this thread to others meanwhile', async () => {
    let turns = 0;
    let isOver = false;
    const others = (): void => {
      turns++;
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    const model = await loadModel(starterFolder());
    isOver = true;
    expect(turns).toBeGreaterThan(3);
    model.dispose();
  });

  test('can be called off at every point of it, and then holds nothing', async () => {
    const live = mx.liveArrays();
    for (const after of [0, 1 / 100, 1 / 3, 1]) {
      const stop = new AbortController();
      if (after === 0) stop.abort();
      const load = loadModel(starterFolder(), {
        signal: stop.signal,
        onProgress: (fraction) => {
          if (fraction >= after) stop.abort();
        },
      });
      if (after < 1) await expect(load).rejects.toMatchObject({ code: 'CANCELLED' });
      else (await load).dispose(); // it was there already
      expect(mx.liveArrays()).toBeLessThanOrEqual(live);
    }
  });

  test('has work for the cores before it is waited for', async () => {
    const folder = starterFolder();
    const live = mx.liveArrays();
    const { model } = await startLoading(folder, await readConfig(folder));
    const other = mx.tidy(() => mx.add(mx.ones([4]), 1).tolist()); // in another queue
    expect(other).toEqual([2, 2, 2, 2]);
    (await model).dispose();
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('of two at once gives two models', async () => {
    const live = mx.liveArrays();
    const both = await Promise.all([loadModel(starterFolder()), loadModel(starterFolder())]);
    const [first, second] = both.map(({ weightBytes }) => weightBytes);
    expect(first).toBe(second);
    for (const model of both) model.dispose();
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });
});

describe('a model that cannot be loaded', () => {
  test('for want of a tokenizer is told from one that is broken, and holds nothing', async () => {
    const folder = checkpointDir('mlx');
    // Two languages more than Whisper has.
    editJson(join(folder, 'config.json'), (json) => {
      json.n_vocab = 51_868;
    });
    const live = mx.liveArrays();
    await expect(loadModel(folder)).rejects.toMatchObject({ code: 'TOKENIZER_FAILED' });
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('because its weights are cut off holds nothing either', async () => {
    const folder = checkpointDir('mlx');
    writeFileSync(join(folder, 'weights.safetensors'), 'cut');
    const live = mx.liveArrays();
    await expect(loadModel(folder)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });
});
