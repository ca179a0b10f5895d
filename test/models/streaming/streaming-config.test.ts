/** The parameters of live sessions by model and device. */
import { expect, test } from '@jest/globals';
import { WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import { maxLiveFrames, streamingConfigFor } from '#daemon/models/whisper/streaming/streaming-config.js';

const BASE = { nTextState: 512 };
const SMALL = { nTextState: 768 };

test('tiny and base read twice the audio on a GPU', () => {
  const seconds = (model: typeof BASE, backend: 'gpu' | 'kernels' | 'cpu'): number =>
    streamingConfigFor(model, backend).maxWindowSeconds;
  expect([seconds(BASE, 'kernels'), seconds(BASE, 'cpu'), seconds(BASE, 'gpu')]).toEqual([12, 12, 24]);
  expect([seconds(SMALL, 'kernels'), seconds(SMALL, 'gpu')]).toEqual([12, 12]);
});

test('the longest window fits in the encoder', () => {
  for (const model of [BASE, SMALL])
    for (const backend of ['gpu', 'kernels'] as const) {
      expect(maxLiveFrames(model, backend)).toBeLessThanOrEqual(WINDOW_FRAMES);
      expect(maxLiveFrames(model, backend)).toBeGreaterThan(1200);
    }
});
