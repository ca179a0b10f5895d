import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import type { JobReport, RunningJob } from '#daemon/supervisor/engine.js';
import { Supervisor } from '#daemon/supervisor/supervisor.js';
import { scriptedTexts, writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { fakeEngine } from '#test/harness/run-sotto.js';
import { acceleratedClock } from '#test/harness/virtual-clock.js';
import { isRunning, until } from '#test/harness/wait.js';
import { transcribeWork } from '#test/harness/transcribe-work.js';

const model = { name: 'fake', dir: '/models/fake' };

let folder: string;
let supervisor: Supervisor;

/** Longer than any machine needs to handle a cancel; engines that ignore it get less. */
const LONG_MS = 240_000;
const SHORT_MS = 2_400;

function build(mode = '', cancelGraceMs = LONG_MS): Supervisor {
  supervisor = new Supervisor({
    command: { modulePath: fakeEngine, env: { FAKE_ENGINE: mode } },
    clock: acceleratedClock,
    log: silentLog,
    warm: { model },
    cancelGraceMs,
  });
  return supervisor;
}

function audio(script: Partial<FakeScript>): string {
  return writeFakeAudio(join(folder, `${Math.random()}.wav`), script);
}

function enginePid(): number {
  const { pid } = supervisor.status();
  if (pid === undefined) throw new Error('no engine is running');
  return pid;
}

interface Watched {
  readonly reports: JobReport[];
  readonly handle: RunningJob;
  readonly last: Promise<JobReport>;
}

function run(path: string, ref = model): Watched {
  const reports: JobReport[] = [];
  let finish: (report: JobReport) => void = () => undefined;
  const last = new Promise<JobReport>((resolve) => (finish = resolve));
  const handle = supervisor.run({ path, model: ref, work: transcribeWork() }, (report) => {
    reports.push(report);
    if (['done', 'failed', 'cancelled', 'lost'].includes(report.type)) finish(report);
  });
  return { reports, handle, last };
}

function textsIn(reports: readonly JobReport[]): string[] {
  return reports.flatMap((report) =>
    report.type === 'event' && report.event.type === 'segment' ? [report.event.segment.text] : [],
  );
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-sup-'));
});

afterEach(async () => {
  await supervisor.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('Supervisor', () => {
  test('loads the model before the first request, and then runs jobs', async () => {
    build().start();
    await until(() => supervisor.status().model.state === 'ready');
    const { reports, last } = run(audio({ segments: 3 }));
    expect((await last).type).toBe('done');
    expect(textsIn(reports)).toEqual(scriptedTexts(3));
    expect(supervisor.status()).toMatchObject({ state: 'ready', restarts: 0, device: 'fake 1.0' });
  });

  test('is at no moment ready without its model, which would count as warm', async () => {
    build().start();
    const seen = new Set<string>();
    while (supervisor.status().model.state !== 'ready') {
      const { state, model } = supervisor.status();
      seen.add(`${state}, model ${model.state}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([...seen]).not.toContain('ready, model absent');
    expect([...seen]).toContain('ready, model loading');
  });

  test('reloads its own model after a request for one that can not be loaded', async () => {
    build().start();
    const last = await run(audio({}), { name: 'broken', dir: '/models/broken' }).last;
    expect(last).toMatchObject({ type: 'failed', error: { code: 'MODEL_CORRUPT' } });
    await until(() => supervisor.status().model.state === 'ready');
    expect(supervisor.status().model.name).toBe('fake');
  });

  test('reports a job as lost when its engine dies, and runs it again on a new one', async () => {
    build().start();
    const path = audio({ segments: 4, dieAfter: 2 });
    const first = run(path);
    expect(await first.last).toMatchObject({ type: 'lost', error: { code: 'ENGINE_CRASHED' } });
    expect(textsIn(first.reports)).toEqual(scriptedTexts(2));
    const second = run(path);
    expect((await second.last).type).toBe('done');
    expect(textsIn(second.reports)).toEqual(scriptedTexts(4));
    expect(supervisor.status()).toMatchObject({ restarts: 1, lastFailure: 'killed by SIGKILL' });
  });

  test('does the same when the engine is killed from outside', async () => {
    build().start();
    const job = run(audio({ segments: 1_000, delayMs: 5 }));
    await until(() => textsIn(job.reports).length > 3);
    process.kill(enginePid(), 'SIGKILL');
    expect((await job.last).type).toBe('lost');
  });

  test('replaces an engine that sends NaN', async () => {
    build().start();
    const job = run(audio({ segments: 4, nanAt: 2 }));
    const last = await job.last;
    expect(last).toMatchObject({ type: 'lost', error: { code: 'ENGINE_CRASHED' } });
    expect(textsIn(job.reports)).toEqual(scriptedTexts(2));
  });

  test('trusts no engine that reports to be out of memory or computed nothing', async () => {
    build().start();
    await until(() => supervisor.status().state === 'ready');
    const before = enginePid();
    const last = await run(audio({ segments: 4, failAfter: 1, failCode: 'ENGINE_OOM' })).last;
    expect(last).toMatchObject({ type: 'lost', error: { code: 'ENGINE_OOM' } });
    await until(() => supervisor.status().state === 'ready');
    expect(enginePid()).not.toBe(before);
  });

  test('keeps the engine if only the file was at fault', async () => {
    build().start();
    await until(() => supervisor.status().state === 'ready');
    const before = enginePid();
    const last = await run(audio({ segments: 4, failAfter: 1 })).last;
    expect(last).toMatchObject({ type: 'failed', error: { code: 'AUDIO_TRUNCATED' } });
    expect(enginePid()).toBe(before);
  });

  test('cancels a running job in the engine that runs it', async () => {
    build().start();
    const job = run(audio({ segments: 100_000, delayMs: 2 }));
    await until(() => textsIn(job.reports).length > 3);
    const before = enginePid();
    job.handle.cancel();
    expect((await job.last).type).toBe('cancelled');
    expect(enginePid()).toBe(before);
  });

  test('replaces an engine that ignores a cancel, without counting it as a crash', async () => {
    build('', SHORT_MS).start();
    const job = run(audio({ segments: 100_000, delayMs: 2, deaf: true }));
    await until(() => textsIn(job.reports).length > 3);
    job.handle.cancel();
    expect((await job.last).type).toBe('cancelled');
    expect((await run(audio({ segments: 1 })).last).type).toBe('done');
    expect(supervisor.status().lastFailure).toBeUndefined();
  });

  test('replaces a blocked engine when its job is cancelled', async () => {
    build('', SHORT_MS).start();
    const job = run(audio({ segments: 4, hangAfter: 1 }));
    await until(() => textsIn(job.reports).length > 0);
    const blocked = enginePid();
    job.handle.cancel();
    expect((await job.last).type).toBe('cancelled');
    await until(() => !isRunning(blocked));
    expect((await run(audio({ segments: 1 })).last).type).toBe('done');
  });

  test('detects an engine that neither responds nor dies, and reports its job as lost', async () => {
    build().start();
    const job = run(audio({ segments: 4, hangAfter: 1 }));
    expect(await job.last).toMatchObject({ type: 'lost', error: { code: 'ENGINE_CRASHED' } });
    expect(supervisor.status().lastFailure).toMatch(/^did not respond for/);
  });

  test('lets a job wait for an engine that is still starting, and cancels it there', async () => {
    build('never-ready').start();
    const job = run(audio({}));
    await until(() => job.reports.length > 0);
    expect(job.reports).toEqual([{ type: 'waiting', for: 'engine' }]);
    job.handle.cancel();
    expect((await job.last).type).toBe('cancelled');
  });

  test('gives up an engine that dies at every start, reports why, and stays up itself', async () => {
    build('dies-at-start').start();
    const last = await run(audio({})).last;
    expect(last).toMatchObject({ type: 'failed', error: { code: 'ENGINE_UNAVAILABLE' } });
    expect(supervisor.status()).toMatchObject({
      state: 'degraded',
      restarts: 5,
      lastFailure: 'exited with code 70',
    });
    expect(await run(audio({})).last).toMatchObject({ type: 'failed' });
  });

  test('does not retry an engine that reports that it can not work', async () => {
    build('cannot-start').start();
    const last = await run(audio({})).last;
    expect(last).toMatchObject({
      type: 'failed',
      error: { code: 'ENGINE_UNAVAILABLE', hint: 'run the set-up' },
    });
    expect(supervisor.status()).toMatchObject({
      state: 'degraded',
      restarts: 1,
      lastFailure: 'there is no addon',
    });
  });

  test('stops an engine that is only just starting', async () => {
    build().start();
    await supervisor.stop();
    expect(supervisor.status()).toMatchObject({ state: 'stopped', restarts: 0 });
  });

  test('leaves no process behind when it stops, even a blocked one', async () => {
    build('hangs-at-start').start();
    await until(() => supervisor.status().pid !== undefined);
    const pid = enginePid();
    await supervisor.stop();
    await until(() => !isRunning(pid));
  });
});
