/** Files of ours that are far larger than we write them, as after a disk failure, are not read completely. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { resourceUsage } from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { discover } from '#daemon/store/discovery.js';
import { readRecord, RECORD } from '#daemon/store/download/model-record.js';
import { hubSettings } from '#daemon/store/download/hub-settings.js';
import { DownloadFolder } from '#daemon/store/download/download-folder.js';
import { Journal } from '#daemon/store/spool/journal.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sotto-huge-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const CLAIMED = 1.5 * 2 ** 30;

/** A sparse file with this content, followed by zeros. */
function huge(name: string, begin = ''): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, begin);
  truncateSync(path, CLAIMED);
  return path;
}

const peakBytes = (): number => resourceUsage().maxRSS * 1024;

describe('a file of 1.5 GB is not read into memory', () => {
  let before: number;
  beforeEach(() => void (before = peakBytes()));
  afterEach(() => expect(peakBytes() - before).toBeLessThan(CLAIMED / 4));

  test('the record of a model', () => {
    huge(RECORD);
    expect(readRecord(folder)).toBeUndefined();
  });

  test('the plan of a download', () => {
    huge('.downloads/model/plan.json');
    expect(new DownloadFolder(folder, 'model').plan()).toBeUndefined();
  });

  test('the discovery file of the port', () => {
    expect(discover(huge('http.json'))).toBeUndefined();
  });

  test('the token of the Hub', () => {
    expect(hubSettings({ HF_TOKEN_PATH: huge('token') }).token).toBeUndefined();
  });

  test('the journal of a dictation, whose entries are read', async () => {
    const path = join(folder, 'a.events');
    const whole = await Journal.open(path);
    await whole.journal.append({ seq: 1, event: { type: 'tentative', text: 'so' } });
    await whole.journal.close();
    truncateSync(path, CLAIMED);
    const { journal, entries } = await Journal.open(path);
    expect(entries.map(({ seq }) => seq)).toEqual([1]);
    await journal.close();
  });
});
