import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import fc from 'fast-check';
import { BatchStore } from '#daemon/store/batch/batch-store.js';
import { isDamagedFile } from '#daemon/store/sqlite/damaged.js';
import { foreignDatabase } from '#test/harness/foreign-database.js';
import type { BatchFile, BatchRun, NewFile } from '#daemon/store/batch/batch-run.js';

/** The application id `Sotb`, at byte 68 of the file. */
const OWN_NUMBER = 0x536f7462;

let root: string;
let folder: string;
let path: string;
const open: BatchStore[] = [];

beforeEach(() => {
  root = folder = mkdtempSync(join(tmpdir(), 'so-batch-'));
  path = join(folder, 'batch.db');
});
afterEach(() => {
  for (const store of open.splice(0)) store.close();
  rmSync(root, { recursive: true, force: true });
});

function store(onDamage?: () => void): BatchStore {
  const opened = BatchStore.open(path, onDamage);
  open.push(opened);
  return opened;
}

function resumeOrStart(
  identity = 'a',
  restart = false,
  from = store(),
): { run: BatchRun; since: number | undefined } {
  return from.resumeOrStart({ identity, restart });
}

function file(name: string, more: Partial<NewFile> = {}): NewFile {
  return { path: `/in/${name}`, target: `/out/${name}.txt`, bytes: 10, modifiedMs: 1000, ...more };
}

function next(run: BatchRun): BatchFile {
  const file = run.next();
  if (file === undefined) throw new Error('nothing waits');
  return file;
}

const nothing = (): undefined => undefined;
const worked = { audioSeconds: 60, workSeconds: 2 };
const failure = { code: 'AUDIO_EMPTY', message: 'it is empty', hint: 'record it again' } as const;

describe('a run', () => {
  test('returns each file once, in order, and stores its result', () => {
    const { run } = resumeOrStart();
    run.add(['a', 'b', 'c'].map((name) => file(name)).concat(file('d', { skip: 'done' })));
    const [a, b, c] = [next(run), next(run), next(run)];
    expect([a, b, c].map((one) => one.path)).toEqual(['/in/a', '/in/b', '/in/c']);
    expect(run.next()).toBeUndefined();
    run.done(a, worked);
    run.failed(b, failure);
    run.putBack(c);
    expect(run.counts()).toEqual({ waiting: 1, working: 0, done: 1, failed: 1, skipped: 1 });
    expect(next(run).path).toBe('/in/c');
    expect(run.files()).toMatchObject([
      { state: 'done', ...worked },
      { state: 'failed', failure },
      { state: 'working' },
      { state: 'skipped' },
    ]);
  });

  test('is resumed by the same call until it has ended; other calls have their own run', () => {
    const first = resumeOrStart();
    first.run.add([file('a'), file('b')]);
    first.run.done(next(first.run), worked);
    expect(resumeOrStart('b').since).toBeUndefined();
    const second = resumeOrStart();
    expect(second.since).toEqual(expect.any(Number));
    expect(second.run.counts()).toMatchObject({ done: 1, waiting: 1 });
    second.run.end();
    expect(resumeOrStart().since).toBeUndefined();
  });

  test('starts over on request', () => {
    resumeOrStart().run.add([file('a')]);
    const { run, since } = resumeOrStart('a', true);
    expect([since, run.files()]).toEqual([undefined, []]);
    expect(resumeOrStart().since).toBeDefined();
  });

  test('a file that a killed process was working on is done if its text was placed, and waits otherwise', () => {
    const { run } = resumeOrStart();
    run.add(['placed', 'other', 'gone', 'early'].map((name) => file(name)));
    for (const digest of ['1', '2', '3']) run.placing(next(run), digest);
    next(run);
    const there = new Map([
      ['/out/placed.txt', '1'],
      ['/out/other.txt', 'of an earlier run'],
    ]);
    const again = resumeOrStart().run;
    again.recover((target) => there.get(target));
    expect(again.files().map(({ state }) => state)).toEqual(['done', 'waiting', 'waiting', 'waiting']);
    // A digest belongs to one attempt: the next one may end before it has a text.
    expect(next(again).path).toBe('/in/other');
    const third = resumeOrStart().run;
    third.recover(() => '2');
    expect(third.counts()).toMatchObject({ done: 1, waiting: 3 });
  });

  test('a changed file waits again, whatever its result was; the others keep theirs', () => {
    const { run } = resumeOrStart();
    run.add([file('a'), file('b'), file('c', { failure }), file('d', { skip: 'done' })]);
    run.done(next(run), worked);
    run.failed(next(run), failure);
    run.add([file('a'), file('b'), file('c', { failure }), file('d', { skip: 'done' })]);
    expect(run.counts()).toMatchObject({ waiting: 0, done: 1, failed: 2, skipped: 1 });
    const changed = [file('a', { bytes: 11 }), file('b', { modifiedMs: 2000 }), file('c', { bytes: 5 })];
    run.add(changed);
    expect(run.counts()).toEqual({ waiting: 3, working: 0, done: 0, failed: 0, skipped: 1 });
    expect(run.files('waiting')[1]).not.toHaveProperty('failure');
  });

  test('a known file that can’t be read has failed, unless its text exists; once readable, it waits', () => {
    const { run } = resumeOrStart();
    run.add([file('a'), file('b'), file('c'), file('d', { skip: 'done' })]);
    run.done(next(run), worked);
    run.failed(next(run), { ...failure, code: 'AUDIO_TRUNCATED' });
    const missing = { target: '', bytes: 0, modifiedMs: 0, failure };
    run.add(['a', 'b', 'c', 'd'].map((name) => file(name, missing)));
    expect(run.files()).toMatchObject([
      { state: 'done', target: '/out/a.txt' },
      { state: 'failed', target: '/out/b.txt', failure },
      { state: 'failed', target: '/out/c.txt', failure },
      { state: 'skipped', target: '/out/d.txt' },
    ]);
    run.add(['a', 'b', 'c', 'd'].map((name) => file(name)));
    expect(run.files().map(({ state }) => state)).toEqual(['done', 'waiting', 'waiting', 'waiting']);
  });

  test('the name of a text may change until it is written', () => {
    const { run } = resumeOrStart();
    run.add([file('a'), file('b')]);
    run.done(next(run), worked);
    run.add([file('a', { target: '/out/a.wav.txt' }), file('b', { target: '/out/b.wav.txt' })]);
    expect(run.files().map(({ target }) => target)).toEqual(['/out/a.txt', '/out/b.wav.txt']);
  });

  test('accounts for every file, for any sequence of events and any number of processes', () => {
    const step = fc.constantFrom('next', 'done', 'failed', 'back', 'placing', 'die', 'change');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 40 }), (count, steps) => {
        rmSync(path, { force: true });
        const batches = BatchStore.open(path);
        const files = Array.from({ length: count }, (_, n) => file(String(n)));
        let run = batches.resumeOrStart({ identity: 'x', restart: true }).run;
        run.add(files);
        let working: BatchFile[] = [];
        const done = new Set<string>();
        for (const what of steps) {
          if (what === 'die') {
            run = batches.resumeOrStart({ identity: 'x', restart: false }).run;
            run.recover(nothing);
            working = [];
          } else if (what === 'next') {
            const file = run.next();
            // A file that is done or in progress isn't returned again.
            expect(file !== undefined && done.has(file.path)).toBe(false);
            expect(working.map((one) => one.path)).not.toContain(file?.path);
            if (file !== undefined) working.push(file);
          } else if (what === 'change') {
            const changed = file('0', { bytes: 10 + steps.indexOf(what) });
            if (working.some((one) => one.path === changed.path)) continue;
            run.add([changed]);
            if (run.files('waiting').some((one) => one.path === changed.path)) done.delete(changed.path);
          } else {
            const held = what === 'placing' ? working[0] : working.shift();
            if (held === undefined) continue;
            if (what === 'placing') run.placing(held, 'digest');
            if (what === 'back') run.putBack(held);
            if (what === 'failed') run.failed(held, failure);
            if (what === 'done') run.done(held, worked);
            if (what === 'done' || what === 'failed') done.add(held.path);
          }
          const counts = run.counts();
          expect(Object.values(counts).reduce((sum, n) => sum + n, 0)).toBe(count);
          expect([counts.working, counts.done + counts.failed]).toEqual([working.length, done.size]);
        }
        batches.close();
      }),
      { numRuns: 40 },
    );
  });
});

describe('the file', () => {
  test('is readable by its user only, and contains no text', () => {
    const { run } = resumeOrStart();
    run.add([file('a')]);
    const opened = next(run);
    run.placing(opened, 'digest');
    run.done(opened, worked);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
  });

  test.each(['not a database, despite its name'.repeat(100), 'SQLite format 3\0'.repeat(500)])(
    'that is damaged and not known to be Sotto’s is not changed, and reported: %.20s…',
    (content) => {
      writeFileSync(path, content);
      expect(() => store()).toThrow(expect.objectContaining({ code: 'OUTPUT_FAILED' }));
      expect(readFileSync(path, 'utf8')).toBe(content);
      expect(readdirSync(folder)).toEqual(['batch.db']);
    },
  );

  test('that is another program’s database is not changed, and reported', () => {
    const isUnchanged = foreignDatabase(path);
    expect(() => store()).toThrow(
      expect.objectContaining({ code: 'OUTPUT_FAILED', message: expect.stringContaining('another program') }),
    );
    expect(isUnchanged()).toBe(true);
  });

  test.each([OWN_NUMBER, 0])('that is damaged and Sotto’s is moved aside, and reported: %i', (number) => {
    store();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    const bytes = readFileSync(path);
    // In another folder: SQLite's other files of the intact one are still in use.
    folder = join(folder, 'elsewhere');
    mkdirSync(folder);
    path = join(folder, 'batch.db');
    bytes.writeInt32BE(number, 68);
    // The list of its tables starts here.
    bytes.fill(0xff, 100, 108);
    writeFileSync(path, bytes);
    let damages = 0;
    resumeOrStart(
      'a',
      false,
      store(() => (damages += 1)),
    ).run.add([file('a')]);
    expect(damages).toBe(1);
    const [aside = ''] = readdirSync(folder).filter((name) => isDamagedFile('batch.db', name));
    expect(readFileSync(join(folder, aside)).equals(bytes)).toBe(true);
    expect(readFileSync(path).subarray(0, 6).toString()).toBe('SQLite');
  });

  test('that a newer version wrote is not changed', () => {
    store().close();
    open.pop();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(() => store()).toThrow(expect.objectContaining({ code: 'VERSION_MISMATCH' }));
  });

  test('that can’t be created is reported with its path and purpose', () => {
    path = join(folder, 'file', 'batch.db');
    writeFileSync(join(folder, 'file'), '');
    expect(() => store()).toThrow(expect.objectContaining({ code: 'OUTPUT_FAILED' }));
  });

  test('deletes old ended runs and abandoned ones', () => {
    const day = 24 * 3600_000;
    const batches = store();
    const now = Date.now();
    const ago = (days: number): number => now - days * day;
    batches.prune(ago(91));
    batches.resumeOrStart({ identity: 'left', restart: false }, ago(91));
    const watched = batches.resumeOrStart({ identity: 'watched', restart: false }, ago(91)).run;
    for (let days = 90; days > 1; days--) {
      if (days === 50) watched.add([file('a')], ago(50));
      if (days === 8) resumeOrStart('ended', false, batches).run.end(ago(8));
      batches.prune(ago(days));
    }
    resumeOrStart('fresh', false, batches);
    batches.prune(ago(1));
    batches.prune(now);
    const kept = ['ended', 'left', 'watched', 'fresh'].filter(
      (identity) => resumeOrStart(identity, false, batches).since !== undefined,
    );
    expect(kept).toEqual(['watched', 'fresh']);
  });

  test('deletes nothing after a jump of the clock, until the clock has run there for a day; and jumps back with it', () => {
    const day = 24 * 3600_000;
    const now = Date.now();
    const batches = store();
    const ended = resumeOrStart('ended', false, batches);
    ended.run.end(now);
    resumeOrStart('left', false, batches);
    batches.prune(now);
    const names = (): string[] => ['ended', 'left'].filter((identity) => count(identity) === 1);
    const count = (identity: string): number => {
      const db = new DatabaseSync(path);
      const rows: unknown[] = db.prepare('SELECT number FROM run WHERE identity = ?').all(identity);
      db.close();
      return rows.length;
    };
    for (const ahead of [400 * day, 400.5 * day, 0, 400 * day]) {
      batches.prune(now + ahead);
      expect(names()).toEqual(['ended', 'left']);
    }
    batches.prune(now + 401.1 * day);
    expect(names()).toEqual([]);
  });

  test('deletes runs dated by a clock that was ahead as if they were dated at its correction', () => {
    const day = 24 * 3600_000;
    const now = Date.now();
    const batches = store();
    resumeOrStart('ended', false, batches).run.end(now + 400 * day);
    batches.resumeOrStart({ identity: 'left', restart: false }, now + 400 * day);
    const count = (): number => {
      const db = new DatabaseSync(path);
      const rows: unknown[] = db.prepare('SELECT number FROM run').all();
      db.close();
      return rows.length;
    };
    for (let days = 0; days < 7; days++) batches.prune(now + days * day);
    expect(count()).toBe(2);
    for (let days = 7; days < 9; days++) batches.prune(now + days * day);
    expect(count()).toBe(1);
    for (let days = 9; days < 92; days++) batches.prune(now + days * day);
    expect(count()).toBe(0);
  });
});
