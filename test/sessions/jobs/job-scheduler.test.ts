import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { Job, JobNotice } from '#daemon/sessions/jobs/job.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import type { Engine, EngineJob, JobReport } from '#daemon/supervisor/engine.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { defined } from '#daemon/protocol/defined.js';

/** An engine whose reports the test sends. */
class PuppetEngine implements Engine {
  readonly ran: string[] = [];
  readonly expected: (string | undefined)[] = [];
  cancels = 0;
  current: { job: EngineJob; report: (report: JobReport) => void } | undefined;

  run(job: EngineJob, report: (report: JobReport) => void) {
    if (this.current !== undefined) throw new Error('two jobs at once');
    this.current = { job, report };
    this.ran.push(job.path);
    return { cancel: () => void (this.cancels += 1) };
  }

  prefetch(path: string | undefined): void {
    this.expected.push(path);
  }

  openStream(): never {
    throw new Error('no dictation here');
  }

  status() {
    return { state: 'ready' as const, restarts: 0, model: { state: 'absent' as const } };
  }

  /** Sends a report; a last report frees the engine first, as in the real one. */
  report(report: JobReport): void {
    const current = this.current;
    if (['done', 'failed', 'cancelled', 'lost'].includes(report.type)) this.current = undefined;
    current?.report(report);
  }
}

const done: JobReport = {
  type: 'done',
  summary: {
    language: 'en',
    durationSeconds: 1,
    timings: { load: 0, mel: 0, encode: 0, decode: 0, total: 0 },
  },
};
const lost = (): JobReport => ({ type: 'lost', error: new SottoError('ENGINE_CRASHED', 'gone') });
const segment = (index: number): JobReport => ({
  type: 'event',
  event: { type: 'segment', segment: scriptedSegment(index) },
});

function setUp(maxQueued?: number) {
  const engine = new PuppetEngine();
  const clock = new VirtualClock();
  const sessions = new JobScheduler({
    engine,
    clock,
    log: silentLog,
    resolveModel: (name) => {
      if (name === 'none') throw new SottoError('MODEL_NOT_FOUND', 'no such model');
      return { name: name ?? 'default', dir: '/m' };
    },
    ...defined({ maxQueued }),
  });
  const notices: { path: string; notice: JobNotice }[] = [];
  const submit = (client: object, path: string): Job =>
    sessions.submit(client, { path }, (notice) => notices.push({ path, notice }));
  const of = (path: string): string[] =>
    notices.filter((one) => one.path === path).map((one) => one.notice.type);
  return { engine, clock, sessions, notices, submit, of };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('JobScheduler', () => {
  test('runs one job at a time, clients in turn, and reports queue positions', async () => {
    const { engine, submit, notices } = setUp();
    const [a, b] = [{}, {}];
    for (const path of ['/a1', '/a2', '/a3']) submit(a, path);
    submit(b, '/b1');
    await settle();
    for (let n = 0; n < 4; n++) engine.report(done);
    expect(engine.ran).toEqual(['/a1', '/b1', '/a2', '/a3']);
    const positions = notices.flatMap(({ path, notice }) =>
      path === '/a3' && notice.type === 'waiting' ? [notice.position] : [],
    );
    expect(positions).toEqual([3, 2, 1]);
  });

  test('announces the next file to the engine once, and that there is none', async () => {
    const { engine, sessions, submit } = setUp();
    const [a, b] = [{}, {}];
    submit(a, '/a1');
    submit(a, '/a2');
    await settle();
    const b1 = submit(b, '/b1');
    await settle();
    expect(engine.expected).toEqual(['/a2']);
    sessions.cancel(b1);
    engine.report(done);
    expect(engine.expected).toEqual(['/a2', undefined]);
    submit(b, '/b2');
    await settle();
    engine.report(done);
    engine.report(done);
    expect(engine.expected).toEqual(['/a2', undefined, '/b2', undefined]);
  });

  test('fails with BUSY at once when the queue is full', async () => {
    const { submit } = setUp(2);
    const client = {};
    submit(client, '/1');
    await settle();
    submit(client, '/2');
    submit(client, '/3');
    expect(() => submit(client, '/4')).toThrow(expect.objectContaining({ code: 'BUSY' }));
  });

  test('refuses a missing model before the job is queued', () => {
    const { sessions } = setUp();
    const submit = () => sessions.submit({}, { path: '/a', model: 'none' }, () => undefined);
    expect(submit).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
    expect(sessions.isIdle).toBe(true);
  });

  test('runs a job again when its engine was lost, without repeating anything', async () => {
    const { engine, submit, notices, of } = setUp();
    submit({}, '/a');
    await settle();
    for (const report of [segment(0), segment(1), lost(), segment(0), segment(1), segment(2), done]) {
      engine.report(report);
    }
    expect(engine.ran).toEqual(['/a', '/a']);
    expect(of('/a')).toEqual(['event', 'event', 'event', 'final']);
    const numbers = notices.flatMap(({ notice }) => ('seq' in notice ? [notice.seq] : []));
    expect(numbers).toEqual([1, 2, 3, 4]);
    expect(notices.at(-1)?.notice).toMatchObject({
      type: 'final',
      summary: { segments: 3, model: 'default' },
    });
  });

  test('gives up a job that crashed two engines, and continues with the next', async () => {
    const { engine, submit, of } = setUp();
    submit({}, '/poison');
    submit({}, '/good');
    await settle();
    engine.report(lost());
    engine.report(lost());
    engine.report(done);
    expect(engine.ran).toEqual(['/poison', '/poison', '/good']);
    expect(of('/poison')).toEqual(['failed']);
    expect(of('/good').at(-1)).toBe('final');
  });

  test('reports a cancel at once and waits for the engine before it runs the next job', async () => {
    const { engine, sessions, submit, of } = setUp();
    const job = submit({}, '/a');
    submit({}, '/b');
    await settle();
    sessions.cancel(job);
    expect(of('/a')).toEqual(['cancelled']);
    expect([engine.cancels, engine.ran]).toEqual([1, ['/a']]);
    engine.report(segment(0));
    engine.report({ type: 'cancelled' });
    expect(engine.ran).toEqual(['/a', '/b']);
    expect(of('/a')).toEqual(['cancelled']);
  });

  test('cancels the jobs of a client that disconnected, and no others', async () => {
    const { engine, sessions, submit, of } = setUp();
    const [disconnected, connected] = [{}, {}];
    submit(disconnected, '/g1');
    submit(disconnected, '/g2');
    submit(connected, '/s1');
    await settle();
    sessions.cancelAllOf(disconnected);
    engine.report({ type: 'cancelled' });
    engine.report(done);
    expect([of('/g1'), of('/g2').at(-1), of('/s1').at(-1)]).toEqual([['cancelled'], 'cancelled', 'final']);
    expect(sessions.isIdle).toBe(true);
  });

  test('on stop fails queued jobs, lets the running job finish in time, and accepts no new ones', async () => {
    const { engine, clock, sessions, submit, of } = setUp();
    submit({}, '/running');
    submit({}, '/waits');
    await settle();
    const stopped = sessions.stop(1_000);
    expect(of('/waits').at(-1)).toBe('failed');
    expect(() => submit({}, '/late')).toThrow(expect.objectContaining({ code: 'DAEMON_UNAVAILABLE' }));
    clock.advance(500);
    engine.report(done);
    await stopped;
    expect(of('/running')).toEqual(['final']);
  });

  test('on stop cuts off a job that does not finish in time', async () => {
    const { engine, clock, sessions, submit, of } = setUp();
    submit({}, '/running');
    await settle();
    const stopped = sessions.stop(1_000);
    clock.advance(1_001);
    expect([of('/running'), engine.cancels]).toEqual([['failed'], 1]);
    engine.report({ type: 'cancelled' });
    await stopped;
  });

  test('ends every job exactly once and numbers without gaps, in any order of events', async () => {
    const step = fc.oneof(
      { arbitrary: fc.record({ submit: fc.nat(2) }), weight: 3 },
      { arbitrary: fc.constantFrom('event', 'done', 'lost', 'failed', 'cancelled'), weight: 6 },
      { arbitrary: fc.record({ cancel: fc.nat(9) }), weight: 2 },
      { arbitrary: fc.record({ leave: fc.nat(2) }), weight: 1 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { engine, sessions, notices, submit } = setUp();
        const clients = [{}, {}, {}];
        const jobs: Job[] = [];
        let events = 0;
        for (const one of steps) {
          if (one === 'event') engine.report(segment(events++));
          else if (one === 'done') engine.report(done);
          else if (one === 'lost') engine.report(lost());
          else if (one === 'failed')
            engine.report({ type: 'failed', error: new SottoError('AUDIO_EMPTY', 'none') });
          else if (one === 'cancelled') engine.report({ type: 'cancelled' });
          else if ('submit' in one) jobs.push(submit(clients[one.submit] ?? {}, `/${jobs.length}`));
          else if ('cancel' in one) {
            const job = jobs[one.cancel];
            if (job !== undefined) sessions.cancel(job);
          } else sessions.cancelAllOf(clients[one.leave] ?? {});
          await Promise.resolve();
        }
        await settle();
        while (engine.current !== undefined) engine.report(done);
        expect(sessions.isIdle).toBe(true);
        jobs.forEach((job, index) => {
          const own = notices.filter(({ path }) => path === `/${index}`).map(({ notice }) => notice);
          const ends = own.filter(({ type }) => ['final', 'cancelled', 'failed'].includes(type));
          expect(ends).toHaveLength(1);
          expect(own.at(-1)).toBe(ends[0]);
          expect(job.state).toBe(ends[0]?.type);
          const numbers = own.flatMap((notice) => ('seq' in notice ? [notice.seq] : []));
          expect(numbers).toEqual(numbers.map((_, n) => n + 1));
        });
        const { final, failed, cancelled } = sessions.queueStatus();
        expect(final + failed + cancelled).toBe(jobs.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
