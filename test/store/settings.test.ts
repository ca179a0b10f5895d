import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { MODEL_TASKS } from '#daemon/protocol/model-tasks.js';
import {
  chosenModelOf,
  DEFAULT_GPU,
  DEFAULT_MEMORY,
  DEFAULT_RETENTION,
  readSettings,
} from '#daemon/settings.js';
import { chooseModel, choosePort, keepHistory } from '#daemon/store/write-settings.js';

const folder = mkdtempSync(join(tmpdir(), 'sotto-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'settings.json');

function settings(json: unknown) {
  writeFileSync(path, typeof json === 'string' ? json : JSON.stringify(json));
  return readSettings(path);
}

describe('settings.json', () => {
  test('a missing file and a missing field mean the default: 30 days, no audio', () => {
    const others = { models: {}, http: {}, gpu: DEFAULT_GPU };
    const defaults = { history: DEFAULT_RETENTION, memory: DEFAULT_MEMORY, ...others };
    expect(readSettings(join(folder, 'none.json'))).toEqual(defaults);
    expect(settings({})).toEqual({
      history: { keepDays: 30, keepAudio: false, compactAudio: false, maxAudioBytes: 2 ** 30 },
      memory: { unloadAfterMinutes: 60 },
      models: {},
      http: {},
      gpu: { largeCommandBuffers: false },
    });
    const some = {
      model: 'base',
      models: { speak: 'kokoro', later: 1 },
      history: { keepAudio: true },
      memory: { maxBytes: 1e9 },
      http: { port: 0 },
      gpu: { largeCommandBuffers: true, later: 1 },
      later: 1,
    };
    expect(settings(some)).toEqual({
      model: 'base',
      models: { speak: 'kokoro' },
      history: { ...DEFAULT_RETENTION, keepAudio: true },
      memory: { ...DEFAULT_MEMORY, maxBytes: 1e9 },
      http: { port: 0 },
      gpu: { largeCommandBuffers: true },
    });
  });

  test('each task has a model of its own', async () => {
    settings({ later: 1 });
    await chooseModel(path, 'base');
    await chooseModel(path, 'kokoro', 'speak');
    await chooseModel(path, '/models/mimi', 'codec');
    const chosen = readSettings(path);
    expect(MODEL_TASKS.map((task) => chosenModelOf(chosen, task))).toEqual([
      'base',
      'kokoro',
      '/models/mimi',
      undefined,
    ]);
    for (const task of MODEL_TASKS) await chooseModel(path, undefined, task);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ later: 1 });
  });

  test('all history settings are read', () => {
    const history = { keepDays: 0, keepAudio: true, compactAudio: true, maxAudioBytes: 5 };
    expect(settings({ history }).history).toEqual(history);
  });

  test.each([
    ['{', ''],
    ['[]', 'settings'],
    ['null', 'settings'],
    [{ model: 7 }, '`model`'],
    [{ model: '' }, '`model`'],
    [{ models: 'kokoro' }, '`models`'],
    [{ models: { speak: '' } }, '`models.speak`'],
    [{ history: [] }, '`history`'],
    [{ history: { keepDays: -1 } }, '`history.keepDays`'],
    [{ history: { keepDays: '30' } }, '`history.keepDays`'],
    [{ history: { keepAudio: 'yes' } }, '`history.keepAudio`'],
    [{ history: { compactAudio: 1 } }, '`history.compactAudio`'],
    [{ history: { maxAudioBytes: null } }, '`history.maxAudioBytes`'],
    [{ memory: 7 }, '`memory`'],
    [{ memory: { maxBytes: 'all' } }, '`memory.maxBytes`'],
    [{ memory: { unloadAfterMinutes: -1 } }, '`memory.unloadAfterMinutes`'],
    [{ http: 7688 }, '`http`'],
    [{ http: { port: 80 } }, '`http.port`'],
    [{ http: { port: 65_536 } }, '`http.port`'],
    [{ http: { port: 7688.5 } }, '`http.port`'],
    [{ http: { port: '7688' } }, '`http.port`'],
    [{ gpu: true }, '`gpu`'],
    [{ gpu: { largeCommandBuffers: 200 } }, '`gpu.largeCommandBuffers`'],
  ])('%j is reported as invalid', (json, what) => {
    expect(() => settings(json)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(what) as unknown,
        hint: 'fix or delete it',
      }),
    );
  });
});

describe('changing settings.json', () => {
  test('changes only the given field', async () => {
    settings({ model: 'base', later: { x: 1 }, history: { maxAudioBytes: 5, also: 2 } });
    await keepHistory(path, { days: 7 });
    await keepHistory(path, { audio: true });
    await chooseModel(path, undefined);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      later: { x: 1 },
      history: { maxAudioBytes: 5, also: 2, keepDays: 7, keepAudio: true },
    });
    const other = join(folder, 'new', 'settings.json');
    await keepHistory(other, { days: 0 });
    expect(JSON.parse(readFileSync(other, 'utf8'))).toEqual({ history: { keepDays: 0 } });
  });

  test('a chosen port stays until it is removed', async () => {
    settings({ model: 'base', http: { later: 1 } });
    await choosePort(path, 7688);
    expect(readSettings(path).http.port).toBe(7688);
    await choosePort(path, undefined);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ model: 'base', http: { later: 1 } });
  });

  test('two changes at once are both kept', async () => {
    settings({ later: 1 });
    await Promise.all([choosePort(path, 7688), chooseModel(path, 'base'), keepHistory(path, { days: 7 })]);
    const history = { keepDays: 7 };
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      later: 1,
      http: { port: 7688 },
      model: 'base',
      history,
    });
  });

  test('“keep forever” is preserved', async () => {
    settings('{"history": {"keepDays": 1e999}}');
    await chooseModel(path, 'base');
    expect(readSettings(path).history.keepDays).toBe(Number.MAX_VALUE);
  });

  test('an invalid file is reported and not changed', async () => {
    writeFileSync(path, '{"history": 7}');
    await expect(keepHistory(path, { days: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(readFileSync(path, 'utf8')).toBe('{"history": 7}');
    writeFileSync(path, '{}');
    await keepHistory(path, { days: 1 }); // a failed change does not block later ones
    expect(readSettings(path).history.keepDays).toBe(1);
  });
});
