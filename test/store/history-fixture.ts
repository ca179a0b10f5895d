/** A history for each test of a file, and its dictations. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { SottoError } from '#daemon/protocol/errors.js';
import { History, type StoredDictation } from '#daemon/store/history/index.js';

export const DAY_MS = 24 * 3600 * 1000;
export const NOW = Date.UTC(2026, 5, 15, 12);

interface HistoryFixture {
  /** Removed after the test. */
  readonly folder: string;
  /** Path of the database, in a folder that doesn't exist yet. */
  path: string;
  nowMs: number;
  /** Warnings of the opened histories. */
  readonly warnings: readonly SottoError[];
  /** May be called several times; each history is closed after the test. */
  readonly open: () => History;
}

export function historyFixture(): HistoryFixture {
  let folder = '';
  let warnings: SottoError[] = [];
  const opened: History[] = [];
  const fixture = {
    get folder() {
      return folder;
    },
    path: '',
    nowMs: NOW,
    get warnings() {
      return warnings;
    },
    open: () => {
      const history = History.open(fixture.path, {
        onWarning: (warning) => warnings.push(warning),
        now: () => fixture.nowMs,
      });
      opened.push(history);
      return history;
    },
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sotto-history-'));
    fixture.path = join(folder, 'new', 'history.db');
    warnings = [];
    fixture.nowMs = NOW;
  });
  afterEach(() => {
    for (const history of opened.splice(0)) history.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return fixture;
}

export function fakeDictation(id: string, fields: Partial<StoredDictation> = {}): StoredDictation {
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

export function ids(dictations: readonly StoredDictation[]): string[] {
  return dictations.map(({ id }) => id);
}
