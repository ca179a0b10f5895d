/** A zombie process is not running, on Linux and on a Mac. */
import { spawn } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { isRunning, stateOf } from '#daemon/is-running.js';
import { until } from '#test/harness/wait.js';

/** A shell whose child exits at once and is never reaped. */
const PARENT = `const { spawn } = require('child_process');
  const child = spawn('sh', ['-c', 'exit 0']);
  process.stdout.write(child.pid + '\\n');
  process.kill(process.pid, 'SIGSTOP');`;

test('a zombie is not running', async () => {
  const parent = spawn(process.execPath, ['-e', PARENT], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (text: Buffer) => resolve(Number(text.toString()))),
    );
    await until(() => /^Z/.test(stateOf(pid, 'darwin')));
    expect(stateOf(pid)).toMatch(/^Z/);
    expect(() => process.kill(pid, 0)).not.toThrow();
    expect(isRunning(pid)).toBe(false);
    expect(isRunning(process.pid)).toBe(true);
    expect(stateOf(process.pid, 'darwin')).toMatch(/^[RS]/);
  } finally {
    parent.kill('SIGKILL');
  }
  await until(() => parent.exitCode !== null || parent.signalCode !== null);
  expect(isRunning(parent.pid ?? 0)).toBe(false);
});
