/** Deleted dictations can be restored until the trash is emptied, and can't be read anywhere afterwards. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DEFAULT_RETENTION } from '#daemon/settings.js';
import { DatabaseSync } from '@photostructure/sqlite';
import { applyRetention, History } from '#daemon/store/history/index.js';
import { DAY_MS, historyFixture, ids, fakeDictation } from './history-fixture.js';

const fixture = historyFixture();

describe('deleting', () => {
  test('undo restores what was deleted together, the last deletion first', () => {
    const history = fixture.open();
    for (const id of ['a', 'b', 'c', 'd']) history.add(fakeDictation(id));
    history.delete('d');
    expect(ids(history.deleteAll(['a', 'b', 'no'])).sort()).toEqual(['a', 'b']);
    expect(ids(history.list({ limit: 9 }))).toEqual(['c']);
    expect(history.search('text', { limit: 9 })).toHaveLength(1);
    expect(ids(history.undo()).sort()).toEqual(['a', 'b']);
    expect(ids(history.undo())).toEqual(['d']);
    expect(history.undo()).toEqual([]);
    expect(history.search('text', { limit: 9 })).toHaveLength(4);
  });

  test('undo restores the given ids, whatever they were deleted with', () => {
    const history = fixture.open();
    for (const id of ['a', 'b', 'c']) history.add(fakeDictation(id));
    history.deleteAll(['a', 'b']);
    history.delete('c');
    expect(ids(history.undo(['b', 'no']))).toEqual(['b']);
    expect(ids(history.undo())).toEqual(['c']);
    expect(ids(history.undo())).toEqual(['a']);
  });

  test('restoring an unknown id is no error, and a caller can restore a dictation that it holds', () => {
    const history = fixture.open();
    expect(history.delete('a')).toBeUndefined();
    history.add(fakeDictation('a'));
    const deleted = history.delete('a');
    expect(deleted).toEqual(fakeDictation('a'));
    if (deleted !== undefined) history.restore(deleted);
    expect(history.get('a')).toEqual(fakeDictation('a'));
    expect(history.undo()).toEqual([]);
  });

  test('data that stayed in the WAL file because another process was reading is removed by the next prune', () => {
    const [history, reader] = [fixture.open(), new DatabaseSync(fixture.path)];
    history.add(fakeDictation('a', { text: 'xylophone quagmire' }));
    const isThere = (): boolean => readFileSync(`${fixture.path}-wal`, 'latin1').includes('xylophone');
    reader.exec('BEGIN; SELECT count(*) FROM dictation');
    const brief = History.open(fixture.path, { busyMs: 0 });
    brief.destroy(['a']);
    expect(isThere()).toBe(true);
    reader.close();
    brief.prune(DEFAULT_RETENTION, fixture.nowMs);
    expect(isThere()).toBe(false);
    brief.close();
  });

  test('no file contains a dictation that was destroyed, or spent a day in the trash', async () => {
    const history = fixture.open();
    const secret = 'xylophone quagmire';
    const isThere = (): boolean =>
      readdirSync(join(fixture.folder, 'new')).some((name) =>
        /xylophone|quagmire/.test(readFileSync(join(fixture.folder, 'new', name), 'latin1')),
      );
    for (let i = 0; i < 50; i++) history.add(fakeDictation(`other-${i}`));
    history.add(fakeDictation('a', { text: secret }));
    expect(isThere()).toBe(true);
    history.destroy(['a']);
    expect(isThere()).toBe(false);

    history.add(fakeDictation('a', { text: secret, audio: 'a.wav' }));
    history.delete('a');
    expect(history.audioNames()).toEqual(new Set(['a.wav']));
    fixture.nowMs += DAY_MS - 1;
    await applyRetention(history, fixture.folder, DEFAULT_RETENTION, fixture.nowMs);
    expect(ids(history.undo())).toEqual(['a']);
    history.delete('a');
    fixture.nowMs += DAY_MS + 1;
    expect(ids(history.prune(DEFAULT_RETENTION, fixture.nowMs))).toEqual(['a']);
    expect(history.undo()).toEqual([]);
    expect(isThere()).toBe(false);
    expect(history.count()).toBe(50);
  });
});
