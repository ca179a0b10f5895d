import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { Job, JobNotice, JobRequest } from '#daemon/sessions/jobs/job.js';
import { FILE_OPEN_TIMEOUT_MS } from '#daemon/sessions/jobs/job-files.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import type { FileAccess, FileAnswer } from '#daemon/supervisor/file-access.js';
import { Upload } from '#daemon/upload.js';
import { withHome } from '#test/harness/with-home.js';
import { ReadingEngine } from '#test/harness/reading-engine.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

const home = withHome();
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Answers checks when the test says so. */
class PuppetAccess implements FileAccess {
  readonly ended: string[] = [];
  readonly #answers = new Map<string, (answer: FileAnswer) => void>();
  check(path: string, answer: (answer: FileAnswer) => void): () => void {
    this.#answers.set(path, answer);
    return () => void this.ended.push(path);
  }
  answer(path: string, answer: FileAnswer): void {
    this.#answers.get(path)?.(answer);
  }
  adopt(name: string): Upload {
    return Upload.adopt(home.paths.uploads, name);
  }
}

function setUp() {
  mkdirSync(home.paths.uploads, { recursive: true });
  const engine = new ReadingEngine();
  const access = new PuppetAccess();
  const clock = new VirtualClock();
  const sessions = new JobScheduler({
    ...{ engine, access, clock, log: silentLog },
    resolveModel: () => ({ name: 'fake', dir: '/m' }),
  });
  const notices: { path: string; notice: JobNotice }[] = [];
  const submit = (path: string, more: Partial<JobRequest> = { supplies: true }): Job =>
    sessions.submit({}, { path, ...more }, (notice) => notices.push({ path, notice }));
  const of = (path: string) => notices.filter((each) => each.path === path).map(({ notice }) => notice);
  const textOf = (path: string) =>
    of(path).flatMap((notice) =>
      notice.type === 'event' && notice.event.type === 'segment' ? [notice.event.segment.text] : [],
    );
  return { engine, access, clock, sessions, submit, of, textOf };
}

function file(name: string): string {
  writeFileSync(join(home.folder, name), `text of ${name}`);
  return join(home.folder, name);
}

/** As a client writes it. */
async function copy(text: string): Promise<string> {
  const upload = await Upload.ofCommand(home.paths.uploads);
  writeFileSync(upload.path, text);
  return upload.name;
}

describe('a file that the daemon can’t open', () => {
  test('does not hold up others; with a copy its job continues, and the copy is removed with it', async () => {
    const { engine, access, sessions, submit, of, textOf } = setUp();
    const [first, second] = [file('first'), file('second')];
    const job = submit(first);
    submit(second);
    access.answer(first, 'slow');
    access.answer(second, 'open');
    await settle();
    expect(textOf(second)).toEqual(['text of second']);
    expect(of(first)).toContainEqual({ type: 'waiting', for: 'file', why: 'slow' });
    expect(sessions.isIdle).toBe(false);
    sessions.supply(job, await copy('text of the copy'));
    expect(engine.paths[1]?.startsWith(home.paths.uploads)).toBe(true);
    await settle();
    expect(textOf(first)).toEqual(['text of the copy']);
    expect(job.state).toBe('final');
    expect(access.ended).toContain(first);
    await until(() => readdirSync(home.paths.uploads).length === 0);
    expect(existsSync(first)).toBe(true);
  });

  test('is read directly if it opens after all; a late copy is removed', async () => {
    const { engine, access, sessions, submit, of } = setUp();
    const path = file('a');
    const job = submit(path);
    access.answer(path, 'slow');
    const release = engine.hold();
    access.answer(path, 'open');
    await settle();
    expect(engine.paths).toEqual([path]);
    sessions.supply(job, await copy('late'));
    await until(() => readdirSync(home.paths.uploads).length === 0);
    release();
    await settle();
    expect(job.state).toBe('final');
    expect(of(path).filter(({ type }) => type === 'final')).toHaveLength(1);
  });

  test('fails with the client’s reason, with a missing copy, and after 10 minutes', () => {
    const { access, clock, sessions, submit, of } = setUp();
    const paths = ['refused', 'no-copy', 'overlooked'].map(file);
    const [refused, noCopy] = paths.map((path) => submit(path));
    for (const path of paths) access.answer(path, 'denied');
    if (refused !== undefined) sessions.refuse(refused, new SottoError('AUDIO_UNREADABLE', 'no'));
    if (noCopy !== undefined) sessions.supply(noCopy, 'input.1.00');
    clock.advance(FILE_OPEN_TIMEOUT_MS - 1);
    expect(paths.map((path) => of(path).at(-1)?.type)).toEqual(['failed', 'failed', 'waiting']);
    clock.advance(1);
    expect(of(paths[2] ?? '').at(-1)).toMatchObject({
      type: 'failed',
      error: { code: 'AUDIO_UNREADABLE', message: expect.stringContaining('within 10 minutes') as unknown },
    });
    expect(sessions.isIdle).toBe(true);
  });

  test('is refused by the engine or waited for silently if its client makes no copies', async () => {
    const { engine, access, submit, of } = setUp();
    const [denied, slow, after] = [file('denied'), file('slow'), file('after')];
    for (const path of [denied, slow, after]) submit(path, {});
    access.answer(slow, 'slow');
    access.answer(denied, 'denied');
    access.answer(after, 'open');
    await until(() => engine.paths.length === 2);
    expect(engine.paths).toEqual([denied, after]);
    expect(of(slow).map((notice) => notice.type === 'waiting' && notice.for)).not.toContain('file');
    access.answer(slow, 'open');
    await until(() => engine.paths.length === 3);
  });

  test('is dropped with its copy when its job is cancelled or the daemon stops', async () => {
    const { engine, access, sessions, submit } = setUp();
    const [one, other, third] = [file('one'), file('other'), file('third')];
    const jobs = [one, other, third].map((path) => submit(path));
    for (const path of [one, other, third]) access.answer(path, 'slow');
    engine.hold();
    const [cancelled, copied] = jobs;
    if (cancelled === undefined || copied === undefined) throw new Error('no jobs');
    sessions.cancel(cancelled);
    sessions.supply(copied, await copy('x'));
    expect(engine.paths).toHaveLength(1);
    sessions.cancel(copied);
    const stopped = sessions.stop(0);
    expect(access.ended).toEqual(expect.arrayContaining([one, other, third]));
    engine.hold()();
    expect(jobs.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'failed']);
    void stopped;
  });
});

describe('the order of files', () => {
  test('stays that of their client, whichever check ends first', async () => {
    const { engine, access, sessions } = setUp();
    const client = {};
    const paths = ['1', '2', '3'].map(file);
    for (const path of paths) sessions.submit(client, { path }, () => undefined);
    for (const path of [...paths].reverse()) {
      access.answer(path, 'open');
      await settle();
    }
    await until(() => engine.paths.length === 3);
    expect(engine.paths).toEqual(paths);
  });

  test('is reported without those that wait for permission', async () => {
    const { engine, access, sessions } = setUp();
    engine.hold();
    const client = {};
    const positions: string[] = [];
    const paths = ['1', '2', '3'].map(file);
    for (const path of paths)
      sessions.submit(client, { path, supplies: true }, (notice) => {
        if (notice.type === 'waiting' && path === paths[2])
          positions.push(`${notice.for} ${notice.position}`);
      });
    access.answer(paths[0] ?? '', 'open');
    await settle();
    access.answer(paths[1] ?? '', 'slow');
    access.answer(paths[2] ?? '', 'open');
    await settle();
    expect(positions.slice(-2)).toEqual(['queue 2', 'queue 1']);
  });

  test('a file of the daemon’s own is not checked', async () => {
    const { engine, submit } = setUp();
    const path = file('upload');
    submit(path, { isUpload: true });
    await settle();
    expect(engine.paths).toEqual([path]);
  });
});
