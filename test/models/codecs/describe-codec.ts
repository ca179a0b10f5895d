/** Tests that every codec must pass, through the interface of all codecs. */
import { expect, test } from '@jest/globals';

import { encodeAll } from '#daemon/models/encode-all.js';
import { familyOf, footprintOf, loadModel } from '#daemon/models/registry.js';
import { asCodec, type AudioCodec } from '#daemon/models/speech-model.js';
import { mx } from '#native/index.js';

import { emptyDir } from '../checkpoint/checkpoint-dirs.js';
import { streamOf } from '../model-fixtures.js';
import { testSamples } from './codec-fixtures.js';

export const loadCodec = async (dir: string): Promise<AudioCodec> => asCodec(await loadModel(dir));

/** @param seconds of the audio: several chunks @param layout of the checkpoint */
export function describeCodec(
  makeDir: () => string,
  { seconds, layout }: { readonly seconds: number; readonly layout: string },
): void {
  const { signal } = new AbortController();

  const openCodec = async () => {
    const model = await loadCodec(makeDir());
    const audio = testSamples(Math.round(seconds * (model.capabilities.codec?.sampleRate ?? 0)));
    return { model, audio, encoded: await encodeAll(model, streamOf(audio), {}, signal) };
  };

  test('a cancellation stops within a chunk, and frees everything', async () => {
    const { model, audio, encoded } = await openCodec();
    const live = mx.liveArrays();
    for (const start of [
      (cancelled: AbortSignal) => model.encode(streamOf(audio), {}, cancelled),
      (cancelled: AbortSignal) => model.decode(encoded, cancelled),
    ]) {
      const controller = new AbortController();
      const next = start(controller.signal).next();
      setImmediate(() => controller.abort());
      await expect(next).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(mx.liveArrays()).toBe(live);
    }
    model.dispose();
  });

  test('an iteration that ends early frees everything', async () => {
    const { model, audio, encoded } = await openCodec();
    const live = mx.liveArrays();
    for await (const _ of model.encode(streamOf(audio), {}, signal)) break;
    for await (const _ of model.decode(encoded, signal)) break;
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });

  test('memory does not grow with the length', async () => {
    const { model, audio } = await openCodec();
    const peakOf = async (repeats: number): Promise<number> => {
      const longer = new Float32Array(audio.length * repeats);
      for (let i = 0; i < repeats; i++) longer.set(audio, i * audio.length);
      mx.memory.resetPeak();
      const before = mx.memory.active();
      const encoded = await encodeAll(model, streamOf(longer), {}, signal);
      expect(encoded.samples).toBe(longer.length);
      for await (const _ of model.decode(encoded, signal));
      return mx.memory.peak() - before;
    };
    const [short, long] = [await peakOf(2), await peakOf(6)];
    expect(long).toBeLessThan(1.25 * short); // it depends a little on when an array is freed
    model.dispose();
  });

  test('a warm-up can be cancelled, and frees everything', async () => {
    const { model } = await openCodec();
    const live = mx.liveArrays();
    const controller = new AbortController();
    const run = model.warmUp?.(controller.signal, () => undefined);
    setImmediate(() => controller.abort());
    await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });

  test('weights are predicted to the byte', async () => {
    const dir = makeDir();
    const { weightBytes } = await footprintOf(dir);
    const model = await loadModel(dir);
    expect(model.weightBytes).toBe(weightBytes);
    model.dispose();
  });

  test('a converted model has the same codes, and so has its inspection', async () => {
    const [dir, out] = [makeDir(), emptyDir()];
    const family = await familyOf(dir);
    await family.convert(dir, out, { dtype: 'float32' }, {});
    const [before, after] = [await family.inspect(dir, {}), await family.inspect(out, {})];
    expect(before.layout).toBe(layout);
    expect(after).toEqual({ ...before, layout: 'mlx' });
    const [first, second] = [await loadCodec(dir), await loadCodec(out)];
    const audio = testSamples(1234);
    const codes = await encodeAll(first, streamOf(audio), {}, signal);
    expect(await encodeAll(second, streamOf(audio), {}, signal)).toEqual(codes);
    first.dispose();
    second.dispose();
    await expect(family.convert(dir, emptyDir(), { dtype: 'float16', bits: 4 }, {})).rejects.toThrow(
      'quantized',
    );
  });
}
