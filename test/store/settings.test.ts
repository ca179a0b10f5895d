import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { DEFAULT_RETENTION, readSettings } from '#daemon/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'sotto-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'settings.json');

function settings(json: unknown) {
  writeFileSync(path, typeof json === 'string' ? json : JSON.stringify(json));
  return readSettings(path);
}

describe('settings.json', () => {
  test('a missing file and a missing field mean the default: 30 days, no audio', () => {
    expect(readSettings(join(folder, 'none.json'))).toEqual({ history: DEFAULT_RETENTION });
    expect(settings({})).toEqual({ history: { keepDays: 30, keepAudio: false, maxAudioBytes: 2 ** 30 } });
    expect(settings({ model: 'base', history: { keepAudio: true }, later: 1 })).toEqual({
      model: 'base',
      history: { ...DEFAULT_RETENTION, keepAudio: true },
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
