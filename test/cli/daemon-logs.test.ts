import { describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { withHome } from '#test/harness/with-home.js';
import { sotto } from '#test/harness/run-sotto.js';

const line = (msg: string, more: object = {}): string =>
  JSON.stringify({ level: 30, time: '2026-01-02T03:04:05.678Z', pid: 7, ...more, msg });

describe('sotto daemon logs', () => {
  const logPaths = withHome();
  const logs = (...args: string[]) => sotto(['daemon', 'logs', ...args], { home: logPaths.folder });

  test('formats the last lines, including the previous file', async () => {
    mkdirSync(logPaths.paths.logs, { recursive: true });
    writeFileSync(`${logPaths.paths.log}.1`, `${line('first')}\n${line('second', { engine: 12 })}\n`);
    writeFileSync(logPaths.paths.log, `${line('third', { why: 'asked to' })}\nnot JSON\n`);
    const { code, stdout } = await logs('--lines', '3');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^\d\d:\d\d:05 {2}second +engine=12$/),
      expect.stringMatching(/^\d\d:\d\d:05 {2}third +why=asked to$/),
      'not JSON',
      '',
    ]);
  });

  test('prints raw lines for programs', async () => {
    mkdirSync(logPaths.paths.logs, { recursive: true });
    writeFileSync(logPaths.paths.log, `${line('one')}\n${line('two')}\n`);
    expect((await logs('--json', '-n', '1')).stdout).toBe(`${line('two')}\n`);
  });

  test('prints the startup output of a daemon that failed to start', async () => {
    expect(await logs()).toMatchObject({ code: 1, stderr: expect.stringMatching(/no log yet/) as unknown });
    mkdirSync(logPaths.paths.logs, { recursive: true });
    writeFileSync(logPaths.paths.startupLog, 'sotto: the addon is missing\n');
    expect(await logs()).toMatchObject({ code: 0, stdout: 'sotto: the addon is missing\n' });
  });
});
