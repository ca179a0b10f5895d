import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { DEFAULT_MEMORY, DEFAULT_RETENTION, readSettings } from '#daemon/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'sotto-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'settings.json');

function settings(json: unknown) {
  writeFileSync(path, typeof json === 'string' ? json : JSON.stringify(json));
  return readSettings(path);
}

describe('settings.json', () => {
  test('a missing file and a missing field mean the default: 30 days, no audio', () => {
    const defaults = { history: DEFAULT_RETENTION, memory: DEFAULT_MEMORY };
    expect(readSettings(join(folder, 'none.json'))).toEqual(defaults);
    expect(settings({})).toEqual({
      history: { keepDays: 30, keepAudio: false, maxAudioBytes: 2 ** 30 },
      memory: { unloadAfterMinutes: 60 },
    });
    const some = { model: 'base', history: { keepAudio: true }, memory: { maxBytes: 1e9 }, later: 1 };
    expect(settings(some)).toEqual({
      model: 'base',
      history: { ...DEFAULT_RETENTION, keepAudio: true },
      memory: { ...DEFAULT_MEMORY, maxBytes: 1e9 },
    });
  });

  test('all of the history can be said', () => {
    const history = { keepDays: 0, keepAudio: true, maxAudioBytes: 5 };
    expect(settings({ history }).history).toEqual(history);
  });

  test.each([
    ['{', ''],
    ['[]', 'settings'],
    ['null', 'settings'],
    [{ model: 7 }, '`model`'],
    [{ model: '' }, '`model`'],
    [{ history: [] }, '`history`'],
    [{ history: { keepDays: -1 } }, '`history.keepDays`'],
    [{ history: { keepDays: '30' } }, '`history.keepDays`'],
    [{ history: { keepAudio: 'yes' } }, '`history.keepAudio`'],
    [{ history: { maxAudioBytes: null } }, '`history.maxAudioBytes`'],
    [{ memory: 7 }, '`memory`'],
    [{ memory: { maxBytes: 'all' } }, '`memory.maxBytes`'],
    [{ memory: { unloadAfterMinutes: -1 } }, '`memory.unloadAfterMinutes`'],
  ])('%j is said to be wrong, with what is', (json, what) => {
    expect(() => settings(json)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(what) as unknown,
        hint: 'correct or delete it',
      }),
    );
  });
});
