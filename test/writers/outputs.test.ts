/** The rule for files: only Sotto's own, unchanged ones are replaced. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openOutputs, Outputs } from '#daemon/writers/placement/outputs.js';
import { placeText } from '#daemon/writers/placement/place-text.js';
import { resolvePaths, type Paths } from '#daemon/paths.js';
import { BatchStore } from '#daemon/store/batch/batch-store.js';

let folder: string;
let store: BatchStore;
let paths: Paths;
let outputs: Outputs;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-outputs-'));
  paths = resolvePaths({ SOTTO_HOME: join(folder, 'home') });
  store = BatchStore.open(paths.batch);
  outputs = new Outputs(store.written, false);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');
const texts = (): string[] => readdirSync(folder).filter((name) => name !== 'home');

describe('an existing file', () => {
  test('that Sotto wrote is replaced and keeps its permissions', async () => {
    expect(await outputs.place(at('a.txt'), 'one', { origin: 'x' })).toBe('placed');
    chmodSync(at('a.txt'), 0o600);
    expect(await outputs.targetState(at('a.txt'))).toEqual({ state: 'unchanged', origin: 'x' });
    expect(await outputs.place(at('a.txt'), 'two')).toBe('placed');
    expect([read('a.txt'), statSync(at('a.txt')).mode & 0o777]).toEqual(['two', 0o600]);
    expect(texts()).toEqual(['a.txt']);
  });

  test.each([
    ['written by another program', 'foreign', () => writeFileSync(at('a.txt'), 'mine')],
    [
      'edited since',
      'edited',
      async () => {
        await outputs.place(at('a.txt'), 'one');
        appendFileSync(at('a.txt'), ', corrected');
      },
    ],
    [
      'edited since, with size and date as they were',
      'edited',
      async () => {
        await outputs.place(at('a.txt'), 'one');
        writeFileSync(at('a.txt'), 'eno');
      },
    ],
    [
      'a link to a text of Sotto',
      'foreign',
      async () => {
        await outputs.place(at('b.txt'), 'one');
        symlinkSync(at('b.txt'), at('a.txt'));
      },
    ],
    ['a link that leads nowhere', 'foreign', () => symlinkSync(at('none'), at('a.txt'))],
  ] as const)('%s is kept', async (_, reason, make) => {
    await make();
    const before = lstatSync(at('a.txt')).ino;
    expect(await outputs.targetState(at('a.txt'))).toEqual({ state: 'kept', reason });
    expect(await outputs.place(at('a.txt'), 'new')).toBe(reason);
    expect(lstatSync(at('a.txt')).ino).toBe(before);
    expect(texts().filter((name) => name.startsWith('.'))).toEqual([]);
    await expect(outputs.assertWritable(at('a.txt'))).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    await expect(outputs.placeOrFail(at('a.txt'), 'new')).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
  });

  test('is replaced with overwrite; a link is replaced itself, not its target', async () => {
    writeFileSync(at('b.txt'), 'mine');
    symlinkSync(at('b.txt'), at('a.txt'));
    const forced = new Outputs(store.written, true);
    expect(await forced.place(at('a.txt'), 'new')).toBe('placed');
    expect([read('a.txt'), read('b.txt'), lstatSync(at('a.txt')).isFile()]).toEqual(['new', 'mine', true]);
    // It is now Sotto's.
    expect(await outputs.place(at('a.txt'), 'newer')).toBe('placed');
  });

  test('that is empty, as from mktemp, is replaced and stays private', async () => {
    writeFileSync(at('a.txt'), '', { mode: 0o600 });
    expect(await outputs.place(at('a.txt'), 'text')).toBe('placed');
    expect([read('a.txt'), statSync(at('a.txt')).mode & 0o777]).toEqual(['text', 0o600]);
  });

  test('keeps its content under another name', async () => {
    await outputs.place(at('a.txt'), 'one');
    linkSync(at('a.txt'), at('mine.txt'));
    expect(await outputs.place(at('a.txt'), 'two')).toBe('placed');
    expect([read('a.txt'), read('mine.txt')]).toEqual(['two', 'one']);
  });

  test('that is a folder is an error; a pipe is written to', async () => {
    mkdirSync(at('a.txt'));
    await expect(outputs.assertWritable(at('a.txt'))).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    const pipe = at('pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      expect(await outputs.place(pipe, 'text')).toBe('placed');
      expect(readFileSync(reader, 'utf8')).toBe('text');
    } finally {
      closeSync(reader);
    }
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  test('is known by any path of its folder', async () => {
    mkdirSync(at('real'));
    symlinkSync(at('real'), at('way'));
    await outputs.place(at('way/a.txt'), 'one');
    expect(await outputs.targetState(at('real/a.txt'))).toEqual({ state: 'unchanged' });
    expect(await outputs.place(at('made/here/a.txt'), 'one')).toBe('placed');
    expect(await outputs.targetState(at('made/../made/here/a.txt'))).toEqual({ state: 'unchanged' });
  });
});

describe('between the check and the write', () => {
  /** Accepts after a change of the file. */
  const after = (change: () => void) => (): boolean => {
    change();
    return true;
  };

  test('a new file is kept', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const path = at(`${n}.txt`);
        const placed = outputs.place(path, 'unchanged');
        try {
          writeFileSync(path, 'mine', { flag: 'wx' });
        } catch {
          return placed;
        }
        expect([await placed, readFileSync(path, 'utf8')]).toEqual(['foreign', 'mine']);
        return 'kept';
      }),
    );
    expect(results).toContain('kept');
  });

  test('a changed or replaced file is kept', async () => {
    writeFileSync(at('a.txt'), 'unchanged');
    let times = 0;
    const edit = after(() => writeFileSync(at('a.txt'), `mine ${times++}`));
    expect(await placeText(at('a.txt'), 'new', { existing: edit })).toBe('kept');
    expect(read('a.txt')).toMatch(/^mine/);
    const replace = after(() => {
      writeFileSync(at('b.txt'), 'another');
      renameSync(at('b.txt'), at('a.txt'));
    });
    expect(await placeText(at('a.txt'), 'new', { existing: replace })).toBe('kept');
    expect([read('a.txt'), texts()]).toEqual(['another', ['a.txt']]);
  });

  test('a removed file is replaced', async () => {
    writeFileSync(at('a.txt'), 'unchanged');
    const remove = after(() => rmSync(at('a.txt'), { force: true }));
    expect(await placeText(at('a.txt'), 'new', { existing: remove })).toBe('placed');
    expect(read('a.txt')).toBe('new');
  });
});

describe('the records', () => {
  test('know the text after a kill before or after it is placed', async () => {
    await outputs.place(at('a.txt'), 'one', { origin: 'x' });
    // As in `place`, for a text that is never placed.
    const { digestOf } = await import('#daemon/writers/placement/digest.js');
    store.written.placing(at('a.txt'), digestOf('two'), 'y');
    expect(await outputs.targetState(at('a.txt'))).toEqual({ state: 'unchanged', origin: 'x' });
    writeFileSync(at('a.txt'), 'two');
    expect(await outputs.targetState(at('a.txt'))).toEqual({ state: 'unchanged', origin: 'y' });
    await outputs.place(at('a.txt'), 'three');
    writeFileSync(at('a.txt'), 'one');
    expect(await outputs.targetState(at('a.txt'))).toEqual({ state: 'kept', reason: 'edited' });
  });

  test('when lost or damaged, keep every file and allow new ones', async () => {
    await outputs.place(at('a.txt'), 'one');
    store.close();
    for (const name of ['batch.db', 'batch.db-wal'])
      writeFileSync(join(paths.home, name), 'no database'.repeat(500));
    const opened = await openOutputs(paths, false);
    expect(await opened.place(at('a.txt'), 'two')).toBe('foreign');
    expect(await opened.place(at('b.txt'), 'two')).toBe('placed');
    expect([read('a.txt'), read('b.txt')]).toEqual(['one', 'two']);
    // Not provably Sotto's: kept, and refused where it is needed.
    expect(() => BatchStore.open(paths.batch)).toThrow('belongs to another program');
    for (const name of ['batch.db', 'batch.db-wal']) rmSync(join(paths.home, name));
    store = BatchStore.open(paths.batch);
  });

  test('are not needed to write a text', async () => {
    writeFileSync(at('file'), '');
    const closed = await openOutputs(resolvePaths({ SOTTO_HOME: at('file/home') }), false);
    expect(await closed.place(at('a.txt'), 'one')).toBe('placed');
    expect(await closed.place(at('a.txt'), 'two')).toBe('foreign');
    expect(existsSync(at('file/home'))).toBe(false);
  });

  test('keep the newest of very many texts', () => {
    for (const name of ['a', 'b', 'c']) store.written.placing(name, 'digest');
    store.written.prune(2);
    expect(['a', 'b', 'c'].map((name) => store.written.knows(name))).toEqual([false, true, true]);
  });

  test('know texts of earlier versions by their hashes', async () => {
    const { DatabaseSync } = await import('@photostructure/sqlite');
    store.close();
    const db = new DatabaseSync(paths.batch);
    db.exec(`DROP TABLE written; DROP TABLE clock; ALTER TABLE file DROP COLUMN skipped; PRAGMA user_version = 1;
      INSERT INTO run VALUES (1, 'x', 1, 1, 1);
      INSERT INTO file (run, path, target, bytes, modified_ms, state, digest)
        VALUES (1, '/in/a', '/out/a.txt', 1, 1, 'done', 'abc'), (1, '/in/b', '/out/b.txt', 1, 1, 'waiting', 'def')`);
    db.close();
    store = BatchStore.open(paths.batch);
    expect(store.written.find('/out/a.txt', 'abc')).toEqual({});
    expect(store.written.knows('/out/b.txt')).toBe(false);
  });
});
