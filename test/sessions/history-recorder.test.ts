/** The daemon's history recorder with the files of a home folder. */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HistoryRecorder } from '#daemon/sessions/history/history-recorder.js';
import { silentLog } from '#daemon/logger.js';
import { resolvePaths } from '#daemon/paths.js';
import { SpoolFile } from '#daemon/store/spool/spool-file.js';
import { History } from '#daemon/store/history/index.js';
import { foreignDatabase } from '#test/harness/foreign-database.js';
import { holdWrite } from '#test/harness/hold-write.js';
import { ramp, SECOND } from '#test/harness/ramp.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sotto-keep-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a saved dictation that turns out to be cancelled is deleted with its audio; others stay', async () => {
  const paths = resolvePaths({ SOTTO_HOME: folder });
  const keeper = new HistoryRecorder(paths, silentLog);
  for (const id of ['wanted', 'cancelled']) {
    const spool = await SpoolFile.create(folder, { id, startedMs: 1, options: {} });
    await spool.append(new Uint8Array(ramp(0, SECOND).buffer));
    await spool.close();
    const result = {
      state: 'recovered',
      text: `text of ${id}`,
      words: [],
      durationSeconds: 1,
      model: 'm',
    } as const;
    await keeper.keep({ id, startedMs: Date.now(), spool: spool.path, result });
  }
  const history = await keeper.history();
  expect(readdirSync(paths.recordings).sort()).toEqual(['cancelled.wav', 'wanted.wav']);
  await keeper.keep({ id: 'cancelled', startedMs: 0, result: { state: 'cancelled' } });
  expect(history.list({ limit: 9 }).map(({ id }) => id)).toEqual(['wanted']);
  expect(readdirSync(paths.recordings)).toEqual(['wanted.wav']);
  await keeper.close();
});

test('a cancel creates no history', async () => {
  const paths = resolvePaths({ SOTTO_HOME: folder });
  const keeper = new HistoryRecorder(paths, silentLog);
  await keeper.keep({ id: 'one', startedMs: 0, result: { state: 'cancelled' } });
  await keeper.close();
  expect(existsSync(paths.history)).toBe(false);
});

const RESULT = { state: 'final', text: 'some words', words: [], durationSeconds: 1, model: 'm' } as const;

test('the daemon keeps serving while another process writes to the history, and saves the dictation afterwards', async () => {
  const paths = resolvePaths({ SOTTO_HOME: folder });
  History.open(paths.history).close();
  const keeper = new HistoryRecorder(paths, silentLog);
  const commit = await holdWrite(paths.history);
  let isKept = false;
  const kept = keeper
    .keep({ id: 'one', startedMs: Date.now(), result: RESULT })
    .finally(() => (isKept = true));
  kept.catch(() => undefined);
  // A thread blocked inside SQLite would run none of these.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isKept).toBe(false);
  await commit();
  await kept;
  expect((await keeper.history()).get('one')).toMatchObject({ text: 'some words' });
  await keeper.close();
});

test('another program’s database is not changed; once it is moved away, dictations are saved', async () => {
  const paths = resolvePaths({ SOTTO_HOME: folder });
  const keeper = new HistoryRecorder(paths, silentLog);
  const isUnchanged = foreignDatabase(paths.history);
  const outcome = { id: 'one', startedMs: Date.now(), result: RESULT };
  await expect(keeper.keep(outcome)).rejects.toMatchObject({ code: 'OUTPUT_FAILED', retryable: false });
  expect(isUnchanged()).toBe(true);
  renameSync(paths.history, join(folder, 'elsewhere.db'));
  await keeper.keep(outcome);
  expect((await keeper.history()).get('one')).toMatchObject({ text: 'some words' });
  await keeper.close();
});
