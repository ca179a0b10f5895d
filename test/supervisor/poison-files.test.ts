/** Files that crash every engine: they fail alone, and neither the service nor other files fail with them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import type { JobNotice } from '#daemon/sessions/jobs/job.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import type { EngineStreamReport } from '#daemon/supervisor/engine.js';
import { Supervisor } from '#daemon/supervisor/supervisor.js';
import { scriptedTexts, writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { fakeEngine } from '#test/harness/run-sotto.js';
import { accelerateClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

const model = { name: 'fake', dir: '/models/fake' };
/** Three minutes without progress are fifteen seconds here. */
const clock = accelerateClock(12);

let folder: string;
let supervisor: Supervisor;
let sessions: JobScheduler;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-poison-'));
  supervisor = new Supervisor({
    command: { modulePath: fakeEngine, env: { FAKE_ENGINE: '' } },
    clock,
    log: silentLog,
    warm: { model },
  });
  sessions = new JobScheduler({ engine: supervisor, clock, log: silentLog, resolveModel: () => model });
  supervisor.start();
});

afterEach(async () => {
  await supervisor.stop();
  rmSync(folder, { recursive: true, force: true });
});

class File {
  readonly notices: JobNotice[] = [];

  constructor(script: Partial<FakeScript>, name = `${Math.random()}.wav`) {
    const path = writeFakeAudio(join(folder, name), script);
    sessions.submit(this, { path }, (notice) => this.notices.push(notice));
  }

  get end(): JobNotice | undefined {
    return this.notices.find(({ type }) => ['final', 'failed', 'cancelled'].includes(type));
  }

  get texts(): string[] {
    return this.notices.flatMap((notice) =>
      notice.type === 'event' && notice.event.type === 'segment' ? [notice.event.segment.text] : [],
    );
  }
}

const endOf = async (file: File): Promise<JobNotice | undefined> => {
  await until(() => file.end !== undefined);
  return file.end;
};

const deadly = { segments: 3, dieAfter: 1, dieTimes: 99 };

describe('files that crash every engine', () => {
  test('six of them fail, each after a second attempt, and later files succeed', async () => {
    const poison = Array.from({ length: 6 }, () => new File(deadly));
    const good = new File({ segments: 4 });
    for (const file of poison) {
      expect(await endOf(file)).toMatchObject({
        type: 'failed',
        error: { code: 'ENGINE_CRASHED', message: expect.stringContaining('twice on this file') },
      });
    }
    expect((await endOf(good))?.type).toBe('final');
    expect(good.texts).toEqual(scriptedTexts(4));
    expect(supervisor.status()).toMatchObject({ state: 'ready', restarts: 12 });

    const reports: EngineStreamReport[] = [];
    const live = supervisor.openStream({ model, options: {}, fromSample: 0 }, (report) =>
      reports.push(report),
    );
    await until(() => reports.some(({ type }) => type === 'opened'));
    live.cancel();
  });

  test('an engine that dies with every file is not restarted forever', async () => {
    const files = Array.from({ length: 12 }, () => new File(deadly));
    const codes: string[] = [];
    for (const file of files) {
      const end = await endOf(file);
      codes.push(end?.type === 'failed' ? end.error.code : 'no error');
    }
    // The tenth file is the last one that gets an engine.
    const last = codes.indexOf('ENGINE_UNAVAILABLE');
    expect(last).toBeGreaterThanOrEqual(9);
    expect(codes.slice(0, last).every((code) => code === 'ENGINE_CRASHED')).toBe(true);
    expect(codes.slice(last).every((code) => code === 'ENGINE_UNAVAILABLE')).toBe(true);
    expect(supervisor.status()).toMatchObject({ state: 'degraded', restarts: 20 });
  });

  test('a file that crashes the engine when prefetched does not fail the running one', async () => {
    const good = new File({ segments: 30, delayMs: 20 });
    const poison = new File({ ...deadly, dieOnPrefetch: true });
    const behind = new File({ segments: 2 });
    expect((await endOf(good))?.type).toBe('final');
    expect(good.texts).toEqual(scriptedTexts(30));
    expect(await endOf(poison)).toMatchObject({ type: 'failed', error: { code: 'ENGINE_CRASHED' } });
    expect((await endOf(behind))?.type).toBe('final');
    expect(supervisor.status()).toMatchObject({ state: 'ready' });
  });
});

describe('a hung GPU answers every ping', () => {
  test('the engine is replaced, the file tried once more, and its text is complete', async () => {
    const file = new File({ segments: 5, stallAfter: 2 });
    expect((await endOf(file))?.type).toBe('final');
    expect(file.texts).toEqual(scriptedTexts(5));
    expect(supervisor.status()).toMatchObject({ state: 'ready', restarts: 1 });
    expect(supervisor.status().lastFailure).toMatch(/^made no progress for 1[89]\d s$/);
  });

  test('a file that hangs it each time fails, and queued files continue', async () => {
    const stuck = new File({ segments: 5, stallAfter: 0, dieTimes: 99 });
    const behind = new File({ segments: 3 });
    expect(await endOf(stuck)).toMatchObject({
      type: 'failed',
      error: { code: 'ENGINE_CRASHED', message: expect.stringContaining('made no progress') },
    });
    expect((await endOf(behind))?.type).toBe('final');
    expect(behind.texts).toEqual(scriptedTexts(3));
    expect(supervisor.status()).toMatchObject({ state: 'ready', restarts: 2 });
  });

  test('a file that is slow continues', async () => {
    const slow = new File({ segments: 4, delayMs: 6000 }); // 72 s each
    expect((await endOf(slow))?.type).toBe('final');
    expect(supervisor.status().restarts).toBe(0);
  });
});
