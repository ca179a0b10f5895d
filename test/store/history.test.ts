/** Past dictations stay until they are to go, whoever else writes and whatever becomes of the file. */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import fc from 'fast-check';
import type { SottoError } from '#daemon/protocol/errors.js';
import { DEFAULT_RETENTION } from '#daemon/settings.js';
import { applyRetention, History, type Dictation } from '#daemon/store/history/index.js';
import { SCHEMA_VERSION } from '#daemon/store/history/schema.js';

const DAY_MS = 24 * 3600 * 1000;
const NOW = Date.UTC(2026, 5, 15, 12);

let folder: string;
let path: string;
let warnings: SottoError[];
let nowMs: number;
const opened: History[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-history-'));
  path = join(folder, 'new', 'history.db');
  warnings = [];
  nowMs = NOW;
});
afterEach(() => {
  for (const history of opened.splice(0)) history.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(): History {
  const history = History.open(path, { onWarning: (warning) => warnings.push(warning), now: () => nowMs });
  opened.push(history);
  return history;
}

function take(id: string, fields: Partial<Dictation> = {}): Dictation {
  return {
    id,
    startedMs: NOW,
    durationSeconds: 2.5,
    text: `text of ${id}`,
    model: 'base',
    state: 'final',
    ...fields,
  };
}

const module = new URL('../../daemon/src/store/history/index.js', import.meta.url).href;

/** Fills a history in a process of its own: when that has ended, nobody has the file open. */
function seed(count: number, repeat = 1): void {
  const script = `
    const { History } = await import(${JSON.stringify(module)});
    const history = History.open(process.argv[1]);
    for (let i = 0; i < ${count}; i++) {
      const text = ('number ' + i + ' ').repeat(${repeat});
      history.add({ id: 't' + i, startedMs: ${NOW} + i, durationSeconds: 1, text, model: 'm', state: 'final' });
    }
    history.close();`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script, path], {
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  expect(status).toBe(0);
  expect(readdirSync(join(folder, 'new'))).toEqual(['history.db']);
}

function ids(dictations: readonly Dictation[]): string[] {
  return dictations.map(({ id }) => id);
}

const dictations: fc.Arbitrary<Dictation> = fc.record(
  {
    id: fc.stringMatching(/^[A-Za-z0-9-]{1,64}$/),
    startedMs: fc.integer({ min: 0, max: 2 ** 45 }),
    durationSeconds: fc.integer({ min: 0, max: 1e9 }).map((samples) => samples / 16_000),
    // A text of SQLite ends at a NUL for some readers; nobody says one.
    text: fc.string({ unit: 'grapheme', maxLength: 200 }),
    language: fc.constantFrom('en', 'de', 'yue'),
    model: fc.string({ unit: 'grapheme' }),
    state: fc.constantFrom('final' as const, 'recovered' as const, 'failed' as const),
    errorCode: fc.constantFrom('ENGINE_CRASHED' as const, 'AUDIO_EMPTY' as const),
    audio: fc.constant('a.wav'),
    words: fc.array(
      fc.record({
        start: fc.integer({ min: 0, max: 100 }),
        end: fc.integer({ min: 0, max: 100 }),
        word: fc.string({ unit: 'grapheme' }),
        probability: fc.constantFrom(0, 0.5, 1),
      }),
    ),
  },
  { requiredKeys: ['id', 'startedMs', 'durationSeconds', 'text', 'model', 'state'] },
);

describe('the history', () => {
  test('gives back what it was given', () => {
    const history = open();
    fc.assert(
      fc.property(dictations, (dictation) => {
        history.destroy();
        history.add(dictation);
        expect(history.get(dictation.id)).toEqual(dictation);
        const { words: _, ...rest } = dictation;
        expect(history.list({ limit: 5 })).toEqual([rest]);
        history.delete(dictation.id);
        expect(history.list({ limit: 5 })).toEqual([]);
        expect(history.undo()).toEqual([dictation]);
        expect(history.get(dictation.id)).toEqual(dictation);
      }),
      { numRuns: 100 },
    );
  });

  test('is there for its user alone', () => {
    open().add(take('a'));
    for (const name of readdirSync(join(folder, 'new')))
      expect([name, statSync(join(folder, 'new', name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o700);
    chmodSync(path, 0o644);
    open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('lists the newest first, page by page, by state', () => {
    const history = open();
    for (let i = 0; i < 10; i++)
      history.add(take(`t${i}`, { startedMs: 100 * i, state: i % 2 === 0 ? 'final' : 'recovered' }));
    const page = history.list({ limit: 4 });
    expect(ids(page)).toEqual(['t9', 't8', 't7', 't6']);
    expect(ids(history.list({ limit: 4, before: page.at(-1)?.startedMs ?? 0 }))).toEqual([
      't5',
      't4',
      't3',
      't2',
    ]);
    expect(ids(history.list({ limit: 2, state: 'recovered' }))).toEqual(['t9', 't7']);
    expect([history.count(), history.count('recovered')]).toEqual([10, 5]);
  });

  test('finds page by page, by state', () => {
    const history = open();
    for (let i = 0; i < 6; i++)
      history.add(take(`t${i}`, { text: 'tea', startedMs: i, state: i % 2 === 0 ? 'final' : 'failed' }));
    expect(ids(history.search('tea', { limit: 2, before: 4 }))).toEqual(['t3', 't2']);
    expect(ids(history.search('tea', { limit: 9, before: 5, state: 'failed' }))).toEqual(['t3', 't1']);
  });

  test('takes the start of an id that no other has', () => {
    const history = open();
    for (const id of ['abc-1', 'abc-12', 'abd']) history.add(take(id));
    expect(history.get('abd')?.id).toBe('abd');
    expect(history.get('abc-12')?.id).toBe('abc-12');
    // One that is whole is meant, although another goes on.
    expect(history.get('abc-1')?.id).toBe('abc-1');
    expect(history.get('abc')).toBeUndefined();
    expect(history.idsLike('abc', 5)).toEqual(['abc-1', 'abc-12']);
    for (const nonsense of ['', '%', '_', 'x', "' OR 1", 'ABC'])
      expect(history.get(nonsense)).toBeUndefined();
  });

  test('adding the same again changes nothing, adding more to it replaces it', () => {
    const history = open();
    history.add(
      take('a', { text: 'first words', words: [{ start: 0, end: 1, word: 'first', probability: 1 }] }),
    );
    history.add(take('a', { text: 'second words' }));
    history.add(take('a', { text: 'second words' }));
    expect(history.list({ limit: 5 })).toEqual([take('a', { text: 'second words' })]);
    expect(history.get('a')).toEqual(take('a', { text: 'second words' }));
    expect(history.search('first', { limit: 5 })).toEqual([]);
    expect(ids(history.search('second', { limit: 5 }))).toEqual(['a']);
  });

  test('what is recovered of a dictation that was delivered does not take its place; the text of a failed one does', () => {
    const history = open();
    history.add(take('a'));
    history.add(take('a', { state: 'recovered', text: 'half of it' }));
    history.add(take('a', { state: 'failed', text: '' }));
    expect(history.get('a')).toEqual(take('a'));
    history.add(take('b', { state: 'failed', text: '', errorCode: 'ENGINE_CRASHED' }));
    history.add(take('b'));
    expect(history.get('b')).toEqual(take('b'));
  });

  test('refuses what no dictation is', () => {
    const history = open();
    for (const wrong of [
      { id: '../a' },
      { id: '' },
      { startedMs: 0.5 },
      { startedMs: NaN },
      { durationSeconds: NaN },
    ])
      expect(() => history.add({ ...take('a'), ...wrong })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    expect(history.count()).toBe(0);
  });

  test('another transcription makes a failed one final, and what was known of its words is gone', () => {
    const history = open();
    history.add(
      take('a', { state: 'failed', errorCode: 'ENGINE_CRASHED', audio: 'a.wav', text: 'old', words: [] }),
    );
    history.setText('a', 'new text', 'large', 'de');
    expect(history.get('a')).toEqual(
      take('a', { audio: 'a.wav', text: 'new text', model: 'large', language: 'de' }),
    );
    expect(ids(history.search('new', { limit: 1 }))).toEqual(['a']);
    expect(history.search('old', { limit: 1 })).toEqual([]);
    history.setText('gone', 'x', 'm', undefined);
    expect(history.count()).toBe(1);
  });

  test('a recovered one that was read is like any other', () => {
    const history = open();
    history.add(take('a', { state: 'recovered' }));
    history.add(take('b', { state: 'failed' }));
    history.markRead('a');
    history.markRead('b');
    expect([history.get('a')?.state, history.get('b')?.state]).toEqual(['final', 'failed']);
  });
});

describe('deleting', () => {
  test('what was deleted together comes back together, the last first', () => {
    const history = open();
    for (const id of ['a', 'b', 'c', 'd']) history.add(take(id));
    history.delete('d');
    expect(ids(history.deleteAll(['a', 'b', 'no'])).sort()).toEqual(['a', 'b']);
    expect(ids(history.list({ limit: 9 }))).toEqual(['c']);
    expect(history.search('text', { limit: 9 })).toHaveLength(1);
    expect(ids(history.undo()).sort()).toEqual(['a', 'b']);
    expect(ids(history.undo())).toEqual(['d']);
    expect(history.undo()).toEqual([]);
    expect(history.search('text', { limit: 9 })).toHaveLength(4);
  });

  test('what is named comes back, whatever it was deleted with', () => {
    const history = open();
    for (const id of ['a', 'b', 'c']) history.add(take(id));
    history.deleteAll(['a', 'b']);
    history.delete('c');
    expect(ids(history.undo(['b', 'no']))).toEqual(['b']);
    expect(ids(history.undo())).toEqual(['c']);
    expect(ids(history.undo())).toEqual(['a']);
  });

  test('one that is not there is no error, and one can be put back by whoever holds it', () => {
    const history = open();
    expect(history.delete('a')).toBeUndefined();
    history.add(take('a'));
    const gone = history.delete('a');
    expect(gone).toEqual(take('a'));
    if (gone !== undefined) history.restore(gone);
    expect(history.get('a')).toEqual(take('a'));
    expect(history.undo()).toEqual([]);
  });

  test('what is destroyed, or has lain in the trash for a day, can be read in no file any more', async () => {
    const history = open();
    const secret = 'xylophone quagmire';
    const isThere = (): boolean =>
      readdirSync(join(folder, 'new')).some((name) =>
        /xylophone|quagmire/.test(readFileSync(join(folder, 'new', name), 'latin1')),
      );
    for (let i = 0; i < 50; i++) history.add(take(`other-${i}`));
    history.add(take('a', { text: secret }));
    expect(isThere()).toBe(true);
    history.destroy(['a']);
    expect(isThere()).toBe(false);

    history.add(take('a', { text: secret, audio: 'a.wav' }));
    history.delete('a');
    expect(history.audioNames()).toEqual(new Set(['a.wav']));
    nowMs += DAY_MS - 1;
    await applyRetention(history, folder, DEFAULT_RETENTION, nowMs);
    expect(ids(history.undo())).toEqual(['a']);
    history.delete('a');
    nowMs += DAY_MS + 1;
    expect(ids(history.prune(DEFAULT_RETENTION, nowMs))).toEqual(['a']);
    expect(history.undo()).toEqual([]);
    expect(isThere()).toBe(false);
    expect(history.count()).toBe(50);
  });
});

describe('retention', () => {
  const old = NOW - 31 * DAY_MS;

  test('after 30 days all goes, and what goes is told', () => {
    const history = open();
    history.add(take('new', { startedMs: NOW - 29 * DAY_MS }));
    history.add(take('old', { startedMs: old, audio: 'old.wav' }));
    history.add(take('old-failed', { startedMs: old, state: 'failed', audio: 'f.wav' }));
    const gone = history.prune(DEFAULT_RETENTION, NOW);
    expect(gone.map(({ audio }) => audio).sort()).toEqual(['f.wav', 'old.wav']);
    expect(ids(history.list({ limit: 9 }))).toEqual(['new']);
    expect(history.undo()).toEqual([]);
    expect(history.prune(DEFAULT_RETENTION, NOW)).toEqual([]);
  });

  test('0 days: what is delivered goes at once; what nobody has read stays for a day', () => {
    const history = open();
    history.add(take('final', { startedMs: NOW + 5 }));
    history.add(take('recovered', { state: 'recovered', audio: 'r.wav' }));
    history.add(take('failed', { state: 'failed', audio: 'f.wav' }));
    const nothing = { ...DEFAULT_RETENTION, keepDays: 0 };
    expect(ids(history.prune(nothing, NOW))).toEqual(['final']);
    expect(history.audioNames()).toEqual(new Set(['f.wav', 'r.wav']));
    history.markRead('recovered');
    expect(ids(history.prune(nothing, NOW))).toEqual(['recovered']);
    expect(ids(history.prune(nothing, NOW + DAY_MS + 1))).toEqual(['failed']);
  });

  test('audio that is not to be kept goes a day after the text is there, that of failed ones stays', () => {
    const history = open();
    history.add(take('final', { audio: 'a.wav' }));
    history.add(take('failed', { state: 'failed', audio: 'b.wav' }));
    expect(history.prune(DEFAULT_RETENTION, NOW + DAY_MS - 1)).toEqual([]);
    nowMs = NOW + 2 * DAY_MS;
    expect(history.prune(DEFAULT_RETENTION, nowMs).map(({ audio }) => audio)).toEqual(['a.wav']);
    expect(history.get('final')).toEqual(take('final'));
    history.setText('failed', 'found', 'base', 'en');
    expect(history.prune(DEFAULT_RETENTION, nowMs)).toEqual([]);
    expect(ids(history.prune(DEFAULT_RETENTION, nowMs + DAY_MS))).toEqual(['failed']);
    expect(history.get('failed')?.text).toBe('found');
  });

  test('the oldest audio goes when there is too much of it', () => {
    const history = open();
    for (let i = 0; i < 5; i++)
      history.add(take(`t${i}`, { startedMs: NOW - i * 1000, durationSeconds: 10, audio: `t${i}.wav` }));
    history.add(
      take('failed', { startedMs: 1 + NOW - 10_000, durationSeconds: 10, audio: 'f.wav', state: 'failed' }),
    );
    const room = { ...DEFAULT_RETENTION, keepAudio: true, maxAudioBytes: 3 * (320_000 + 44) };
    expect(ids(history.prune(room, NOW)).sort()).toEqual(['t2', 't3', 't4']);
    expect(history.audioNames()).toEqual(new Set(['t0.wav', 't1.wav', 'f.wav']));
    expect(history.count()).toBe(6);
  });

  test('files go with what they belong to; strange ones of yesterday too, strange ones of today and others’ not', async () => {
    const history = open();
    history.add(take('old', { startedMs: old, audio: 'old.wav' }));
    history.add(take('kept', { startedMs: old, audio: 'kept.wav', state: 'recovered' }));
    const names = ['old.wav', 'kept.wav', 'stray.wav', 'notes.txt', '.x.wav.0a.part'];
    for (const name of names) writeFileSync(join(folder, name), '');
    writeFileSync(`${path}.damaged-2026`, 'text of old times');
    const keep = { ...DEFAULT_RETENTION, keepDays: 31.5 };
    await applyRetention(history, folder, { ...keep, keepDays: 30 }, NOW);
    expect(readdirSync(folder).sort()).toEqual(['.x.wav.0a.part', 'new', 'notes.txt', 'stray.wav']);
    expect(existsSync(`${path}.damaged-2026`)).toBe(true);
    await applyRetention(history, folder, keep, Date.now() + 32 * DAY_MS);
    expect(readdirSync(folder).sort()).toEqual(['new', 'notes.txt']);
    expect(existsSync(`${path}.damaged-2026`)).toBe(false);
  });

  test('a name that leads elsewhere deletes nothing', async () => {
    const history = open();
    writeFileSync(join(folder, 'precious.wav'), '');
    history.add(take('a', { startedMs: old, audio: '../precious.wav' }));
    await applyRetention(history, join(folder, 'new'), DEFAULT_RETENTION, NOW);
    expect(history.count()).toBe(0);
    expect(existsSync(join(folder, 'precious.wav'))).toBe(true);
  });
});

describe('the file', () => {
  test('a database of version 0 becomes one of this version', () => {
    mkdirSync(join(folder, 'new'));
    const empty = new DatabaseSync(path);
    empty.exec('PRAGMA user_version = 0; VACUUM');
    empty.close();
    const history = open();
    history.add(take('a'));
    history.close();
    const db = new DatabaseSync(path);
    expect(db.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: SCHEMA_VERSION });
    db.close();
  });

  test('one of a later Sotto is left alone, and said', () => {
    seed(1);
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 999');
    db.close();
    const before = readFileSync(path);
    expect(open).toThrow(expect.objectContaining({ code: 'VERSION_MISMATCH' }));
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(join(folder, 'new')).filter((name) => name.includes('damaged'))).toEqual([]);
  });

  test('a file that is no database is put aside, once', () => {
    seed(1);
    writeFileSync(path, 'this is no database. '.repeat(500));
    const history = open();
    expect(history.list({ limit: 1 })).toEqual([]);
    history.add(take('a'));
    expect(warnings).toMatchObject([{ code: 'OUTPUT_FAILED' }]);
    const aside = readdirSync(join(folder, 'new')).filter((name) =>
      /^history\.db\.damaged-[^-]+-\d\d-\d\d/.test(name),
    );
    expect(aside).toHaveLength(1);
    history.close();
    expect(ids(open().list({ limit: 1 }))).toEqual(['a']);
    expect(warnings).toHaveLength(1);
  });

  test('wherever it is damaged, it goes on, and all that was whole is there', () => {
    seed(60, 100);
    const whole = readFileSync(path);
    const pages = whole.length / 4096;
    let most = 0;
    for (let page = 0; page < pages; page += 3) {
      // A folder for each: a connection that is closed may live on until its statements are collected.
      path = join(folder, `${page}`, 'history.db');
      mkdirSync(dirname(path));
      const damaged = Buffer.from(whole);
      damaged.fill(0xa5, page * 4096, (page + 1) * 4096);
      writeFileSync(path, damaged);
      const history = open();
      const found = history.list({ limit: 100 });
      history.search('number', { limit: 100 });
      history.add(take('new', { text: 'a new one' }));
      history.delete('t0');
      history.prune(DEFAULT_RETENTION, NOW);
      expect(ids(history.search('new', { limit: 2 }))).toEqual(['new']);
      history.close();
      most = Math.max(most, 60 - found.length);
    }
    // The first page holds where all the others are; any other one takes a few dictations with it at most.
    expect(most).toBe(60);
  });

  test('a damaged index is made anew, and nothing is lost', () => {
    seed(20);
    const db = new DatabaseSync(path);
    db.enableDefensive(false);
    db.exec("UPDATE found_data SET block = x'00112233445566778899' WHERE id >= 1");
    db.close();
    const again = open();
    expect(again.search('number', { limit: 99 })).toHaveLength(20);
    expect(again.count()).toBe(20);
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('made anew')]);
  });

  test('damage that shows while it is open is dealt with in that call, by the first of two who see it', () => {
    seed(60, 100);
    const [left, right] = [open(), open()];
    const bytes = readFileSync(path).fill(7, 4096);
    writeFileSync(path, bytes);
    expect(left.list({ limit: 1 })).toEqual([]);
    left.add(take('after'));
    expect(ids(right.list({ limit: 1 }))).toEqual(['after']);
    expect(warnings).toHaveLength(1);
  });

  test('a folder that can’t be written is said with a code', () => {
    writeFileSync(join(folder, 'new'), 'a file is in the way');
    expect(open).toThrow(expect.objectContaining({ code: 'OUTPUT_FAILED' }));
  });

  test('two processes that write at the same time lose nothing', async () => {
    const script = `
      const { History } = await import(${JSON.stringify(module)});
      const [path, name] = process.argv.slice(1);
      const history = History.open(path);
      for (let i = 0; i < 60; i++) {
        const id = name + '-' + i;
        history.add({ id, startedMs: Date.now(), durationSeconds: 1, text: 'said by ' + name, model: 'm', state: 'final' });
        if (i % 3 === 0) history.delete(id);
        if (i % 3 === 1) history.setText(id, 'again by ' + name, 'm', 'en');
      }
      history.close();`;
    const run = (name: string): Promise<number | null> =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script, path, name], {
          stdio: ['ignore', 'inherit', 'inherit'],
          env: { ...process.env, NODE_OPTIONS: '' },
        });
        child.on('close', resolve);
      });
    // From the start on: both of them make the file.
    expect(await Promise.all([run('a'), run('b'), run('c')])).toEqual([0, 0, 0]);
    const history = open();
    expect(history.count()).toBe(120);
    expect(history.search('again', { limit: 999 })).toHaveLength(60);
    expect(history.search('said', { limit: 999 })).toHaveLength(60);
    expect(warnings).toEqual([]);
  });
});
