import { describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { until } from '#test/harness/wait.js';
import { ONE_FITS, ReadingModel, ref, setUp, TickingModel } from './with-engine-host.js';

describe('EngineHost', () => {
  test('loads the model once for all jobs, and again only for another one', async () => {
    const { host, run, endOf, seen } = setUp();
    host.receive({ type: 'load', requestId: 1, model: ref, fallbacks: [] });
    run(1);
    run(2);
    await endOf(2);
    expect(seen.loads).toEqual(['/m']);
    run(3, '/a', { name: 'n', dir: '/n' });
    await endOf(3);
    expect(seen.loads).toEqual(['/m', '/n']);
    expect(seen.closed).toBe(3);
  });

  test('releases the old model before it loads another if both do not fit', async () => {
    const made: TickingModel[] = [];
    const { host, run, endOf } = setUp((dir) => {
      for (const old of made) expect(old.disposed).toBe(1);
      const model = new TickingModel(dir, 1);
      made.push(model);
      return model;
    });
    host.receive(ONE_FITS);
    for (const [job, dir] of ['/m', '/n', '/m'].entries()) run(job, '/a', { name: dir, dir });
    expect((await endOf(2)).type).toBe('done');
  });

  test('decodes something before it reports a background model as ready', async () => {
    const { host, sent } = setUp();
    host.receive({ type: 'load', requestId: 1, model: ref, fallbacks: [] });
    await until(() => sent.some((m) => m.type === 'loaded'));
    const states = sent.flatMap((m) => (m.type === 'models' ? m.models.map(({ state }) => state) : []));
    expect([...new Set(states)]).toEqual(['loading', 'warming', 'ready']);
    expect(sent).toContainEqual(
      expect.objectContaining({
        requestId: 1,
        model: expect.objectContaining({ ...ref, pinned: true, state: 'ready' }),
      }),
    );
  });

  test('reports a missing file without waiting for the model', async () => {
    let load = (_model: Recognizer): void => undefined;
    const { run, endOf, seen, sent } = setUp(undefined, () => new Promise((resolve) => (load = resolve)));
    run(1, '/missing');
    expect(await endOf(1)).toMatchObject({ type: 'failed', error: { code: 'AUDIO_NOT_FOUND' } });
    // The load continues, and the next job waits for it instead of starting another.
    run(2);
    await until(() => sent.some((m) => m.type === 'models'));
    load(new TickingModel('m', 1));
    expect((await endOf(2)).type).toBe('done');
    expect(seen.loads).toEqual(['/m']);
  });

  test('cancels while the decoder of the file gives nothing, and runs the next job', async () => {
    const { host, run, endOf, sent } = setUp(() => new ReadingModel('m', 1));
    run(1, '/stuck');
    await until(() => sent.some((m) => m.type === 'opened'));
    host.receive({ type: 'cancel', job: 1 });
    expect((await endOf(1)).type).toBe('cancelled');
    run(2);
    expect((await endOf(2)).type).toBe('done');
  });

  test('cancels between two steps, reports it once, and runs the next job', async () => {
    const { host, run, endOf, sent } = setUp(() => new TickingModel('m', 1_000_000));
    run(1);
    await until(() => sent.filter((m) => m.type === 'event').length > 2);
    host.receive({ type: 'cancel', job: 1 });
    const before = sent.length;
    expect((await endOf(1)).type).toBe('cancelled');
    expect(sent.slice(before).map((m) => m.type)).not.toContain('event');
    run(2, '/missing');
    expect((await endOf(2)).type).toBe('failed');
  });

  test('does not open a file whose job was cancelled while queued', async () => {
    const { host, run, endOf, seen } = setUp();
    run(1);
    host.receive({ type: 'cancel', job: 1 });
    expect((await endOf(1)).type).toBe('cancelled');
    expect(seen.closed).toBe(0);
  });

  test.each([
    ['[metal::malloc] Unable to allocate 9 bytes', 'ENGINE_OOM'],
    ['kIOGPUCommandBufferCallbackErrorOutOfMemory: Insufficient Memory', 'ENGINE_OOM'],
    ['matmul: shapes do not fit', 'INTERNAL'],
  ])('maps "%s" to the code %s', async (message, code) => {
    const { run, endOf } = setUp(() => new TickingModel('m', 3, new Error(message)));
    run(1);
    expect(await endOf(1)).toMatchObject({ type: 'failed', error: { code } });
  });

  test('reports which model can not be loaded and why, and tries again on the next request', async () => {
    let broken = true;
    const { run, endOf } = setUp((dir) => {
      if (broken) throw new SottoError('MODEL_CORRUPT', 'config.json is cut off');
      return new TickingModel(dir, 1);
    });
    run(1);
    expect(await endOf(1)).toMatchObject({ type: 'failed', error: { code: 'MODEL_CORRUPT' } });
    broken = false;
    run(2);
    expect((await endOf(2)).type).toBe('done');
  });

  test('releases the model before it exits', async () => {
    const model = new TickingModel('m', 1_000_000);
    const { host, run, sent, seen } = setUp(() => model);
    run(1);
    await until(() => sent.some((m) => m.type === 'event'));
    host.receive({ type: 'shutdown' });
    await until(() => seen.exits === 1);
    expect(model.disposed).toBe(1);
  });
});
