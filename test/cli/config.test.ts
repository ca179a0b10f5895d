/** `sotto config` as a real command. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { SETTING_NAMES } from '#daemon/settings.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';

const home = withHome();
const config = (...args: string[]): Promise<SottoResult> => sotto(['config', ...args], { home: home.folder });
const written = (): unknown => JSON.parse(readFileSync(home.paths.settings, 'utf8'));

describe('sotto config', () => {
  test('lists all settings with their defaults, and writes nothing', async () => {
    const before = existsSync(home.paths.settings) && written();
    const { code, stdout, stderr } = await config();
    expect([code, stderr]).toEqual([0, '']);
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    expect(names).toEqual([...SETTING_NAMES]);
    expect(stdout).toMatch(/^history\.keepDays +30 \(default\)$/m);
    expect(stdout).toMatch(/^http\.port +not set$/m);
    expect(stdout).toMatch(/^gpu\.fileBatchSize +1 \(default without a GPU\)$/m);
    const onMac = await sotto(['config'], { home: home.folder, env: { SOTTO_MACHINE: '16GB,M1' } });
    expect(onMac.stdout).toMatch(/^gpu\.fileBatchSize +up to 8, by memory \(default on a GPU\)$/m);
    expect(existsSync(home.paths.settings) && written()).toEqual(before);
  });

  test('sets, gets and unsets a value, and keeps unknown fields', async () => {
    writeFileSync(home.paths.settings, JSON.stringify({ later: { a: 1 }, history: { keepAudio: true } }));
    expect(await config('set', 'history.keepDays', '7')).toMatchObject({
      code: 0,
      stdout: 'history.keepDays: 7\n',
    });
    expect(written()).toEqual({ later: { a: 1 }, history: { keepAudio: true, keepDays: 7 } });
    expect((await config('get', 'history.keepDays')).stdout).toBe('7\n');
    expect((await config('ls')).stdout).toMatch(/^history\.keepDays +7$/m);
    expect(JSON.parse((await config('list', '--json')).stdout)).toMatchObject({ history: { keepDays: 7 } });
    expect(await config('unset', 'history.keepDays')).toMatchObject({
      code: 0,
      stdout: 'history.keepDays: 30\n',
    });
    expect(await config('unset', 'history.keepAudio')).toMatchObject({ code: 0 });
    expect(written()).toEqual({ later: { a: 1 } });
    expect(await config('get', 'http.port')).toMatchObject({ code: 0, stdout: '' });
  });

  test.each([
    ['history.keepDays', 'abc', '`history.keepDays` must be a number of days, 0 or more; got "abc"'],
    ['history.keepAudio', '1', '`history.keepAudio` must be true or false; got 1'],
    ['http.port', '80', '`http.port` must be 0 or a number from 1024 to 65535; got 80'],
    ['gpu.fileBatchSize', '0', '`gpu.fileBatchSize` must be a number of windows, 1 to 64; got 0'],
    ['gpu.fileBatchSize', '2.5', '`gpu.fileBatchSize` must be a number of windows, 1 to 64; got 2.5'],
    ['model', '', '`model` must be the name or folder of a model; got ""'],
  ])('refuses %s = %j and keeps the file', async (name, value, message) => {
    writeFileSync(home.paths.settings, '{"model":"mine"}');
    const { code, stdout, stderr } = await config('set', name, value);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`sotto: ${message}`);
    expect(readFileSync(home.paths.settings, 'utf8')).toBe('{"model":"mine"}');
  });

  test('a negative number is a value, not an option', async () => {
    const { code, stderr } = await config('set', 'memory.maxBytes', '--', '-1');
    expect([code, stderr]).toEqual([2, expect.stringContaining('got -1')]);
  });

  test('names a broken file and keeps it', async () => {
    writeFileSync(home.paths.settings, '{');
    expect(await config('set', 'history.keepDays', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('not valid') as unknown,
    });
    expect(readFileSync(home.paths.settings, 'utf8')).toBe('{');
  });

  test('says when the running daemon needs a restart', async () => {
    await sotto(['daemon', 'start', '--quiet'], { home: home.folder });
    expect((await config('set', 'memory.unloadAfterMinutes', '5')).stderr).toContain('Restart the daemon');
    expect((await config('set', 'history.keepDays', '5')).stderr).toBe('');
  });
});
