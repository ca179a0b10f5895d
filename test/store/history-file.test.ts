/** The history survives damage to its file, and other processes that write to it. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { DEFAULT_RETENTION } from '#daemon/settings.js';
import { openDatabase } from '#daemon/store/history/history-database.js';
import { SCHEMA_VERSION } from '#daemon/store/history/schema.js';
import { foreignDatabase } from '#test/harness/foreign-database.js';
import { historyFixture, ids, NOW, fakeDictation } from './history-fixture.js';

const fixture = historyFixture();

const module = new URL('../../daemon/src/store/history/index.js', import.meta.url).href;

/** Fills a history in another process, so that nothing has the file open afterwards. */
function seed(count: number, repeat = 1): void {
  const script = `
    const { History } = await import(${JSON.stringify(module)});
    const history = History.open(process.argv[1]);
    for (let i = 0; i < ${count}; i++) {
      const text = ('number ' + i + ' ').repeat(${repeat});
      history.add({ id: 't' + i, startedMs: ${NOW} + i, durationSeconds: 1, text, model: 'm', state: 'final' });
    }
    history.close();`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script, fixture.path], {
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  expect(status).toBe(0);
  expect(readdirSync(join(fixture.folder, 'new'))).toEqual(['history.db']);
}

/** Whether the file still holds the complete text of one of `seed(…, 100)`. */
function hasText(file: Buffer, i: number): boolean {
  return file.includes(`number ${i} `.repeat(100));
}

describe('the file', () => {
  test('a database of version 0 is migrated', () => {
    mkdirSync(join(fixture.folder, 'new'));
    const empty = new DatabaseSync(fixture.path);
    empty.exec('PRAGMA user_version = 0; VACUUM');
    empty.close();
    const history = fixture.open();
    history.add(fakeDictation('a'));
    history.close();
    const db = new DatabaseSync(fixture.path);
    expect(db.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: SCHEMA_VERSION });
    db.close();
  });

  test('a database of a newer version is not changed, and reported', () => {
    seed(1);
    const db = new DatabaseSync(fixture.path);
    db.exec('PRAGMA user_version = 999');
    db.close();
    const before = readFileSync(fixture.path);
    expect(fixture.open).toThrow(expect.objectContaining({ code: 'VERSION_MISMATCH' }));
    expect(readFileSync(fixture.path).equals(before)).toBe(true);
    expect(readdirSync(join(fixture.folder, 'new')).filter((name) => name.includes('damaged'))).toEqual([]);
  });

  test.each([
    ['without an application id', ''],
    ['with tables of the same names', 'CREATE TABLE dictation (id TEXT, words TEXT)'],
    ['with an application id', 'DROP TABLE visits; PRAGMA application_id = 252006675'],
    ['with a version', 'PRAGMA user_version = 1'],
  ])('a database of another program is not changed, and reported: %s', (_, sql) => {
    mkdirSync(join(fixture.folder, 'new'));
    const isUnchanged = foreignDatabase(fixture.path, sql);
    expect(fixture.open).toThrow(
      expect.objectContaining({ code: 'OUTPUT_FAILED', message: expect.stringContaining('another program') }),
    );
    expect(isUnchanged()).toBe(true);
    expect(fixture.warnings).toEqual([]);
  });

  test('a database of an earlier version without an application id is ours', () => {
    seed(2);
    const db = new DatabaseSync(fixture.path);
    db.exec('PRAGMA application_id = 0');
    db.close();
    expect(ids(fixture.open().list({ limit: 3 }))).toEqual(['t1', 't0']);
  });

  test('a file that is not a database is moved aside, once', () => {
    seed(1);
    writeFileSync(fixture.path, 'this is no database. '.repeat(500));
    const history = fixture.open();
    expect(history.list({ limit: 1 })).toEqual([]);
    history.add(fakeDictation('a'));
    expect(fixture.warnings).toMatchObject([{ code: 'OUTPUT_FAILED' }]);
    const aside = readdirSync(join(fixture.folder, 'new')).filter((name) =>
      /^history\.db\.damaged-[^-]+-\d\d-\d\d/.test(name),
    );
    expect(aside).toHaveLength(1);
    history.close();
    expect(ids(fixture.open().list({ limit: 1 }))).toEqual(['a']);
    expect(fixture.warnings).toHaveLength(1);
  });

  test('after damage anywhere, the history works and has all intact dictations', () => {
    seed(60, 100);
    const whole = readFileSync(fixture.path);
    const pages = whole.length / 4096;
    let maxLost = 0;
    for (let page = 0; page < pages; page += 3) {
      // A folder for each: a closed connection may live on until its statements are collected.
      fixture.path = join(fixture.folder, `${page}`, 'history.db');
      mkdirSync(dirname(fixture.path));
      const damaged = Buffer.from(whole);
      damaged.fill(0xa5, page * 4096, (page + 1) * 4096);
      writeFileSync(fixture.path, damaged);
      const history = fixture.open();
      const found = history.list({ limit: 100 });
      history.search('number', { limit: 100 });
      history.add(fakeDictation('new', { text: 'a new one' }));
      history.delete('t0');
      history.prune(DEFAULT_RETENTION, NOW);
      expect(ids(history.search('new', { limit: 2 }))).toEqual(['new']);
      history.close();
      maxLost = Math.max(maxLost, 60 - found.length);
    }
    // The first page lists all others; any other page costs at most a few dictations.
    expect(maxLost).toBe(60);
  });

  test.each([30, 60])('a damaged page costs only its dictations: all others of %i are recovered', (count) => {
    seed(count, 100);
    const whole = readFileSync(fixture.path);
    // A page holds a few texts of this length: the others are in pages before and after it.
    const middle = Math.floor(count / 2);
    const page = Math.floor(whole.indexOf(`number ${middle} `.repeat(100)) / 4096);
    const damaged = Buffer.from(whole);
    damaged.fill(0xa5, page * 4096, (page + 1) * 4096);
    const lost = Array.from({ length: count }, (_, i) => i).filter((i) => !hasText(damaged, i));
    expect(lost).toContain(middle);
    expect(lost.length).toBeLessThan(6);
    writeFileSync(fixture.path, damaged);
    const found = ids(fixture.open().list({ limit: 100 }));
    for (let i = 0; i < count; i++) if (!lost.includes(i)) expect(found).toContain(`t${i}`);
  });

  test('of the daemon waits for the disk at each commit, because the spool is deleted afterwards', () => {
    const db = openDatabase(join(fixture.folder, 'sync.db'), 0);
    expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    db.close();
  });

  test('pages that end between dictations of the same millisecond skip none', () => {
    const history = fixture.open();
    for (let i = 0; i < 7; i++) history.add(fakeDictation(`t${i}`, { startedMs: i < 6 ? NOW : NOW - 1 }));
    const read: string[] = [];
    for (let last = history.list({ limit: 2 }); last.length > 0;) {
      read.push(...ids(last));
      const { startedMs = 0, id = '' } = last.at(-1) ?? {};
      last = history.list({ limit: 2, before: startedMs, beforeId: id });
    }
    expect(read).toEqual(['t5', 't4', 't3', 't2', 't1', 't0', 't6']);
  });

  test('a damaged index is rebuilt, and nothing is lost', () => {
    seed(20);
    const db = new DatabaseSync(fixture.path);
    db.enableDefensive(false);
    db.exec("UPDATE found_data SET block = x'00112233445566778899' WHERE id >= 1");
    db.close();
    const again = fixture.open();
    expect(again.search('number', { limit: 99 })).toHaveLength(20);
    expect(again.count()).toBe(20);
    expect(fixture.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('has been rebuilt'),
    ]);
  });

  test('damage that appears while it is open is repaired in that call, by the first of two processes', () => {
    seed(60, 100);
    const [left, right] = [fixture.open(), fixture.open()];
    const bytes = readFileSync(fixture.path).fill(7, 4096);
    writeFileSync(fixture.path, bytes);
    expect(left.list({ limit: 1 })).toEqual([]);
    left.add(fakeDictation('after'));
    expect(ids(right.list({ limit: 1 }))).toEqual(['after']);
    expect(fixture.warnings).toHaveLength(1);
  });

  test('a folder that can’t be written is reported with a code', () => {
    writeFileSync(join(fixture.folder, 'new'), 'a file is in the way');
    expect(fixture.open).toThrow(expect.objectContaining({ code: 'OUTPUT_FAILED' }));
  });

  test('two processes that write at the same time lose nothing', async () => {
    const script = `
      const { History } = await import(${JSON.stringify(module)});
      const [path, name] = process.argv.slice(1);
      const history = History.open(path);
      for (let i = 0; i < 60; i++) {
        const id = name + '-' + i;
        history.add({ id, startedMs: Date.now(), durationSeconds: 1, text: 'written by ' + name, model: 'm', state: 'final' });
        if (i % 3 === 0) history.delete(id);
        if (i % 3 === 1) history.setText(id, 'again by ' + name, 'm', 'en');
      }
      history.close();`;
    const run = (name: string): Promise<number | null> =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script, fixture.path, name], {
          stdio: ['ignore', 'inherit', 'inherit'],
          env: { ...process.env, NODE_OPTIONS: '' },
        });
        child.on('close', resolve);
      });
    // From the start, because both create the file.
    expect(await Promise.all([run('a'), run('b'), run('c')])).toEqual([0, 0, 0]);
    const history = fixture.open();
    expect(history.count()).toBe(120);
    expect(history.search('again', { limit: 999 })).toHaveLength(60);
    expect(history.search('written', { limit: 999 })).toHaveLength(60);
    expect(fixture.warnings).toEqual([]);
  });
});

describe('an invalid dictation', () => {
  test.each([
    [{ id: '../a' }],
    [{ id: '' }],
    [{ startedMs: NaN }],
    [{ startedMs: 1.5 }],
    [{ startedMs: Infinity }],
    [{ durationSeconds: NaN }],
    [{ durationSeconds: -0.1 }],
    [{ durationSeconds: Infinity }],
  ])('%j is refused, and nothing is stored', (fields) => {
    const history = fixture.open();
    expect(() => history.add({ ...fakeDictation('a'), ...fields })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    expect(history.count()).toBe(0);
  });

  test('a duration of 0 is valid', () => {
    const history = fixture.open();
    history.add(fakeDictation('a', { durationSeconds: 0 }));
    expect(ids(history.list({ limit: 9 }))).toEqual(['a']);
  });
});
