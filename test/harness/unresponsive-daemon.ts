/** A process that holds a daemon's lock and socket but never responds, like a hanging or starting daemon. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Paths } from '#daemon/paths.js';
import { isListening } from '#daemon/server/probe.js';
import { until } from './wait.js';

const SCRIPT = `
  const { DatabaseSync } = require('@photostructure/sqlite');
  const lock = new DatabaseSync(process.argv[2]);
  lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  require('fs').writeFileSync(process.argv[2] + '.pid', String(process.pid));
  require('net').createServer(() => void lock).listen(process.argv[1]);`;

interface UnresponsiveDaemon {
  readonly pid: number;
  readonly ended: Promise<unknown>;
}

export async function startUnresponsiveDaemon({
  home,
  runtime,
  socket,
  lock,
}: Paths): Promise<UnresponsiveDaemon> {
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  const env = { ...process.env, SOTTO_HOME: home };
  const child = spawn(process.execPath, ['-e', SCRIPT, socket, lock], { env, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const pid = child.pid ?? -1;
  await until(() => isListening(socket));
  return { pid, ended };
}
