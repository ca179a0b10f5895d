/** A long dictation needs no more memory than its first minutes. NOTES.md has the figures of an hour. */
import { expect, test } from '@jest/globals';

import { limitCache } from '#daemon/engine/cache-limit.js';
import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import { liveParakeet } from '#daemon/models/parakeet/live-parakeet.js';
import { mx } from '#native/index.js';

import { clip, joined, samplesOf } from '../model-fixtures.js';
import { parakeetDir } from './parakeet-fixtures.js';

const { signal } = new AbortController();
const RATE = 16_000;
/** A chunk of 2 s at each update. */
const WINDOWS = { leftFrames: 25, chunkFrames: 25, lookaheadFrames: 5 };
const STEP_SECONDS = 2;

test('memory, live arrays and checkpoints stay flat over minutes', async () => {
  limitCache();
  const model = await ParakeetModel.load(parakeetDir('tdt-huggingface'));
  const pause = new Float32Array(2 * RATE);
  const speech = joined(await samplesOf(clip('jfk.flac') ?? ''), pause); // 13 s
  const twice = joined(speech, speech);
  const deps = { ...model.deps, capabilities: model.capabilities.transcribe };
  const live = liveParakeet(deps, { language: 'en' }, undefined, WINDOWS);
  const feed = async (from: number, to: number) => {
    mx.memory.resetPeak();
    let [words, checkpoint] = [0, 0];
    for (let seconds = from; seconds < to; seconds += STEP_SECONDS) {
      const start = (seconds * RATE) % speech.length;
      live.push(twice.slice(start, start + STEP_SECONDS * RATE));
      words += (await live.update(signal)).committed.length;
      checkpoint = Math.max(checkpoint, JSON.stringify(live.checkpoint()).length);
    }
    return { words, checkpoint, peak: mx.memory.peak(), arrays: mx.liveArrays() };
  };
  await feed(0, 78);
  const [start, later] = [await feed(78, 156), await feed(156, 546)];
  live.dispose();
  model.dispose();
  expect(later.words).toBeGreaterThan(4 * start.words);
  expect(later.peak).toBeLessThan(1.02 * start.peak);
  expect(later.arrays).toBeLessThan(start.arrays + 20);
  expect(later.checkpoint).toBeLessThan(1.1 * start.checkpoint);
});
