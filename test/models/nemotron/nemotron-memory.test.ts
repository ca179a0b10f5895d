/** Memory of Nemotron beside what is predicted, and over a long dictation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { limitCache } from '#daemon/engine/cache-limit.js';
import { NemotronModel } from '#daemon/models/nemotron/index.js';
import { nemotronFootprint } from '#daemon/models/nemotron/nemotron-footprint.js';
import { mx } from '#native/index.js';
import { randomAudio, writeRandomNemotron } from '#test/bench/random-nemotron.js';
import { clip, samplesOf, streamOf } from '../model-fixtures.js';

const { signal } = new AbortController();
const RATE = 16_000;

const folder = mkdtempSync(join(tmpdir(), 'nemotron-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));
let dir: string;
beforeAll(async () => {
  limitCache();
  dir = await writeRandomNemotron(folder, 'small');
});

test('a file takes what is predicted, within 5 %', async () => {
  const predicted = await nemotronFootprint(dir);
  const before = mx.memory.active();
  const model = await NemotronModel.load(dir);
  mx.memory.resetPeak();
  const events = model.transcribe(streamOf(randomAudio(20)), { vad: false }, signal);
  while ((await events.next()).done !== true);
  const peak = mx.memory.peak() - before;
  const { weightBytes } = model;
  model.dispose();
  expect(weightBytes).toBe(predicted.weightBytes);
  expect(Math.abs((weightBytes + predicted.workBytes) / peak - 1)).toBeLessThan(0.05);
});

test('quantized weights take what is predicted', async () => {
  const quantized = await writeRandomNemotron(folder, 'small', 8);
  const { weightBytes } = await nemotronFootprint(quantized);
  const model = await NemotronModel.load(quantized);
  expect(model.weightBytes).toBe(weightBytes);
  model.dispose();
});

test('a long dictation needs no more memory than a short one, and its checkpoints stay small', async () => {
  const model = await NemotronModel.load(dir);
  const speech = await samplesOf(clip('jfk.flac') ?? '');
  const live = model.stream({});
  const feed = async (seconds: number): Promise<{ peak: number; arrays: number; words: number }> => {
    mx.memory.resetPeak();
    let words = 0;
    for (let at = 0; at < seconds * RATE; at += RATE / 2) {
      const start = at % (speech.length - RATE / 2);
      live.push(speech.slice(start, start + RATE / 2));
      words += (await live.update(signal)).committed.length;
    }
    return { peak: mx.memory.peak(), arrays: mx.liveArrays(), words };
  };
  await feed(60);
  const [minute, minutes] = [await feed(60), await feed(300)];
  expect(minutes.words).toBeGreaterThan(20);
  expect(minutes.peak).toBeLessThan(1.02 * minute.peak);
  expect(minutes.arrays).toBeLessThan(minute.arrays + 20);
  expect(JSON.stringify(live.checkpoint()).length).toBeLessThan(16_000);
  live.dispose();
  model.dispose();
});
