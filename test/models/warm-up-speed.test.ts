/** A warm-up measures the speed of a live window on a GPU, mocked by the CPU here. */
import { afterEach, beforeAll, afterAll, expect, jest, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { windowFlop } from '#daemon/models/whisper/memory/flop.js';
import { maxLiveFrames } from '#daemon/models/whisper/streaming/streaming-config.js';
import { mx } from '#native/index.js';
import { starterModel } from './model-fixtures.js';

let model: WhisperModel;
beforeAll(async () => void (model = await WhisperModel.load(starterModel())));
afterAll(() => model.dispose());
afterEach(() => void jest.restoreAllMocks());

const never = new AbortController().signal;

test('on a GPU the fastest of a few windows gives the speed', async () => {
  const live = mx.liveArrays();
  const device = jest.spyOn(mx, 'defaultDevice');
  const timed: number[] = [];
  let now = 0;
  await model
    .warmUp(never, (fraction) => {
      if (fraction < 1) return;
      // Timed windows: the first has 200 ms, all others 100 ms.
      device.mockReturnValue('gpu');
      jest.spyOn(performance, 'now').mockImplementation(() => {
        timed.push(now);
        now += timed.length === 1 ? 200 : 100;
        return timed.at(-1) ?? 0;
      });
    })
    .then(({ gflops }) => {
      const { config } = model.deps.model;
      expect(gflops).toBeCloseTo(windowFlop(config, maxLiveFrames(config)) / 0.1 / 1e9, 6);
    });
  expect(timed).toEqual([0, 200, 300, 400]);
  expect(mx.liveArrays()).toBeLessThanOrEqual(live);
});

test('the CPU is not timed', async () => {
  expect(await model.warmUp(never, () => undefined)).toEqual({});
});
