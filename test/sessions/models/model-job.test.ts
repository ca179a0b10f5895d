import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelsEvent } from '#daemon/protocol/models.js';
import { ModelJob, type ModelJobEvent, type Subscription } from '#daemon/sessions/models/model-job.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const progress = (fraction: number): ModelsEvent => ({ type: 'progress', stage: 'downloading', fraction });
const resolving: ModelsEvent = { type: 'resolving', repo: 'a/b' };
const result = { do: 'unload' } as const;

function setUp(endsWithClients = false) {
  const clock = new VirtualClock();
  const job = new ModelJob({ clock, activity: 'is tried', key: 'x', endsWithClients });
  let settle: { resolve: () => void; reject: (error: SottoError) => void } = {
    resolve: () => undefined,
    reject: () => undefined,
  };
  const over = new Promise<typeof result>((resolve, reject) => {
    settle = { resolve: () => resolve(result), reject };
  });
  job.signal.addEventListener('abort', () => settle.reject(new SottoError('CANCELLED', 'cancelled')));
  over.catch(() => undefined);
  void job.run(() => over);
  const join = () => {
    const received: ModelJobEvent[] = [];
    const subscription = job.join((notice) => {
      received.push(notice);
      return true;
    });
    return { subscription, received };
  };
  return { clock, job, join, settle: () => settle };
}

describe('a job with several subscribers', () => {
  test('throttles progress, and sends the last of it before a standstill', async () => {
    const { clock, job, join } = setUp();
    const { received } = join();
    await turn();
    for (let i = 0; i < 50; i++) {
      job.emit(progress(i / 100));
      clock.advance(10);
    }
    const before = received.length;
    expect(before).toBeLessThanOrEqual(7);
    job.emit(progress(0.5));
    clock.advance(1000);
    expect(received.at(-1)).toEqual({ type: 'event', event: progress(0.5) });
    // A damaged part on disk does not move the progress back.
    job.emit(progress(0.2));
    clock.advance(1000);
    expect(received.at(-1)).toEqual({ type: 'event', event: progress(0.5) });
  });

  test('sends a late subscriber all numbered events, the progress, and the end', async () => {
    const { job, join, settle } = setUp();
    job.emit(resolving);
    job.emit(progress(0.3));
    const early = join();
    await turn();
    expect(early.received).toEqual([
      { type: 'event', seq: 1, event: resolving },
      { type: 'event', event: progress(0.3) },
    ]);
    settle().resolve();
    await job.settled;
    const late = join();
    await turn();
    expect(late.received).toEqual([
      { type: 'event', seq: 1, event: resolving },
      { type: 'done', seq: 2, result },
    ]);
  });

  test('continues without subscribers, unless it ends with them', async () => {
    for (const endsWithClients of [false, true]) {
      const { job, join } = setUp(endsWithClients);
      const [a, b] = [join(), join()];
      await turn();
      a.subscription.leave();
      expect(job.signal.aborted).toBe(false);
      b.subscription.leave();
      expect(job.signal.aborted).toBe(endsWithClients);
    }
  });

  test('whatever happens: each subscriber gets one end, and nothing after it', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom('join' as const, 'turn' as const, 'resolving' as const) }),
      fc.record({ do: fc.constantFrom('leave' as const, 'cancel' as const), chosen: fc.nat(3) }),
      fc.record({
        do: fc.constant('progress' as const),
        fraction: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.record({ do: fc.constantFrom('resolve' as const, 'reject' as const, 'callOff' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { clock, job, join, settle } = setUp();
        const waiting: { subscription: Subscription; received: ModelJobEvent[]; left: boolean }[] = [];
        for (const one of steps) {
          if (one.do === 'join') waiting.push({ ...join(), left: false });
          if (one.do === 'turn') await turn();
          if (one.do === 'resolving') job.emit(resolving);
          if (one.do === 'progress') job.emit(progress(one.fraction));
          if (one.do === 'cancel') waiting[one.chosen]?.subscription.cancel();
          const chosen = one.do === 'leave' ? waiting[one.chosen] : undefined;
          if (chosen !== undefined) {
            chosen.subscription.leave();
            chosen.left = true;
          }
          if (one.do === 'resolve') settle().resolve();
          if (one.do === 'reject') settle().reject(new SottoError('DOWNLOAD_FAILED', 'gone'));
          if (one.do === 'callOff') job.abort(new SottoError('DAEMON_UNAVAILABLE', 'stopping'));
          clock.advance(30);
        }
        settle().resolve();
        await job.settled;
        await turn();
        for (const { received, left } of waiting) {
          const ends = received.filter(({ type }) => type !== 'event');
          expect(ends.length).toBeLessThanOrEqual(1);
          if (!left) expect(ends).toHaveLength(1);
          if (ends.length === 1) expect(received.at(-1)).toBe(ends[0]);
          const numbers = received.flatMap((notice) => (notice.seq === undefined ? [] : [notice.seq]));
          expect(numbers).toEqual(numbers.map((_, index) => index + 1));
        }
      }),
      { numRuns: 300 },
    );
  });
});
