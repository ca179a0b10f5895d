import { describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { JobNotice } from '#daemon/sessions/jobs/job.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { ReadingEngine } from '#test/harness/reading-engine.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { defined } from '#daemon/protocol/defined.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const problem = new SottoError('MODEL_UNREADABLE', 'it did not open');

/** Sotto's own model is `own`; checks of others are answered by the test. */
function setUp() {
  const engine = new ReadingEngine();
  const answers: ((found: SottoError | undefined) => void)[] = [];
  const sessions = new JobScheduler({
    ...{ engine, clock: new VirtualClock(), log: silentLog },
    resolveModel: (model) => ({ name: model ?? 'own', dir: model ?? '/own' }),
    modelAccess: {
      isOwn: (dir) => dir === '/own',
      check: () => new Promise((resolve) => answers.push(resolve)),
    },
  });
  const last = new Map<string, JobNotice>();
  const client = {};
  const submit = (path: string, model?: string) =>
    sessions.submit(client, { path, ...defined({ model }) }, (notice) => last.set(path, notice));
  return { engine, sessions, answers, last, submit };
}

describe('a job whose model directory may not open', () => {
  test('does not hold up others, not even of its client, and fails alone', async () => {
    const { engine, sessions, answers, last, submit } = setUp();
    submit('/first', '/documents/m');
    submit('/second');
    await settle();
    expect(engine.paths).toEqual(['/second']);
    answers[0]?.(problem);
    await settle();
    expect(last.get('/first')).toMatchObject({ type: 'failed', error: { code: 'MODEL_UNREADABLE' } });
    expect(engine.paths).toEqual(['/second']);
    expect(sessions.isIdle).toBe(true);
  });

  test('runs once it opens, unless it is cancelled meanwhile', async () => {
    const { engine, sessions, answers, last, submit } = setUp();
    submit('/first', '/documents/m');
    const cancelled = submit('/second', '/documents/m');
    sessions.cancel(cancelled);
    for (const answer of answers) answer(undefined);
    await settle();
    expect(engine.paths).toEqual(['/first']);
    expect(last.get('/second')?.type).toBe('cancelled');
    expect(sessions.isIdle).toBe(true);
  });
});
