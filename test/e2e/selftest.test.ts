/** The self-test as users run it, with real processes, in a home of its own. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Report } from '#daemon/cli/selftest/selftest-report.js';
import { withHome } from '#test/harness/with-home.js';
import { scriptedMicrophone } from '#test/harness/scripted-microphone.js';
import { startSotto, type SottoProcess } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

const home = withHome();
const FOLDERS = ['Desktop', 'Documents', 'Downloads'];
beforeEach(() => {
  for (const name of FOLDERS) mkdirSync(join(home.folder, name));
  writeFileSync(home.paths.settings, '{}');
});

const start = (...args: string[]): SottoProcess =>
  startSotto(['doctor', '--selftest', ...args], {
    ...{ home: home.folder, cwd: home.folder, realEngine: true },
    env: { HOME: home.folder, TMPDIR: home.folder, ...scriptedMicrophone({ samples: 100_000 }, home.folder) },
  });
const inFolders = (): string[] => FOLDERS.flatMap((name) => readdirSync(join(home.folder, name)));
const testHomes = (): string[] => readdirSync(home.folder).filter((name) => name.startsWith('sotto-st-'));

describe('sotto doctor --selftest', () => {
  test('runs eight steps; stdout has one JSON document, stderr a line for each check', async () => {
    const { stdout, stderr } = await start('--json').done;
    const report = JSON.parse(stdout) as Report;
    expect([...new Set(report.checks.map(({ step }) => step))]).toEqual([
      ...['system', 'load', 'numbers', 'speed', 'microphone', 'files', 'agent', 'teardown'],
    ]);
    const toCheckResult = (name: string): string | undefined =>
      report.checks.find((each) => each.name === name)?.status;
    for (const name of [
      'encoder',
      'tokens',
      'text',
      'microphone',
      'dictation',
      ...FOLDERS.map((each) => `files in ${each}`),
    ])
      expect([name, toCheckResult(name)]).toEqual([name, 'ok']);
    expect(stderr.trim().split('\n')).toHaveLength(report.checks.length + 1);
    expect([...inFolders(), ...testHomes()]).toEqual([]);
  }, 240_000);

  test('leaves nothing behind after Ctrl-C, and writes no report', async () => {
    const command = start();
    // Its daemon is running, and the dictation comes next.
    await until(() => command.stdout().includes('daemon  '));
    command.kill('SIGINT');
    const { code, stdout } = await command.done;
    expect(code).toBe(130);
    expect(stdout).not.toContain('Report to send in');
    expect([...inFolders(), ...testHomes()]).toEqual([]);
    expect(readdirSync(home.folder).filter((name) => name.endsWith('.json'))).toEqual(['settings.json']);
  }, 240_000);
});
