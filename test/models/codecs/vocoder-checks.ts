/** What the tests of vocoders share. */
import { expect } from '@jest/globals';

import { FrameStream } from '#daemon/audio/mel/frame-stream.js';
import { SpectralFrontEnd, type FrontEndConfig } from '#daemon/audio/mel/front-end.js';
import { mx, type MxArray } from '#native/index.js';

import { allSamples } from './codec-fixtures.js';

/** The log-mels of samples, [T, bands] */
export function melOf(config: FrontEndConfig, samples: Float32Array): Float32Array {
  const frontEnd = new SpectralFrontEnd(config);
  const stream = new FrameStream(frontEnd, 8);
  const frames = [stream.push(samples), stream.end()];
  const found = mx.tidy(() => mx.concatenate(frames, 0).toTypedArray('float32'));
  mx.dispose(frames);
  frontEnd.dispose();
  return found;
}

/** The frames before and after frame `bad` of `size` that a NaN in it reaches. */
export function reachOf(
  network: { steps(): readonly ((x: MxArray) => MxArray)[] },
  bands: number,
  hop: number,
  [size, bad]: readonly [size: number, bad: number],
): [before: number, after: number] {
  const input = new Float32Array(size * bands).fill(NaN, bad * bands, (bad + 1) * bands);
  const audio = mx.tidy(() =>
    network
      .steps()
      .reduce((x: MxArray, step) => step(x), mx.array(input, [1, size, bands]))
      .toTypedArray('float32'),
  );
  const frames = [...audio.keys()].filter((i) => Number.isNaN(audio[i])).map((i) => Math.floor(i / hop));
  return [bad - (frames[0] ?? NaN), (frames.at(-1) ?? NaN) - bad];
}

export async function expectCancelled(
  run: (signal: AbortSignal) => AsyncGenerator<Float32Array, void>,
): Promise<void> {
  const stop = new AbortController();
  const samples = allSamples(run(stop.signal));
  setImmediate(() => stop.abort());
  await expect(samples).rejects.toMatchObject({ code: 'CANCELLED' });
}
