import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { SottoClient, SottoError } from 'sotto/client';
import type { SottoCommand } from './find-sotto';
import { sottoPaths } from './sotto-paths';

const POLL_INTERVAL_MS = 25;
/** Two starts of Node on a Mac that just woke up; the model loads later. */
const START_TIMEOUT_MS = 30_000;

export interface DaemonSettings {
  /** Finds the `sotto` command; called only if the daemon has to be started. */
  readonly sotto: () => SottoCommand;
}

/**
 * Connects for the duration of `work`.
 * @throws SottoError see `connectDaemon`; also what `work` throws
 */
export async function withDaemon<Result>(
  { sotto }: DaemonSettings,
  work: (client: SottoClient) => Promise<Result>,
): Promise<Result> {
  const client = await connectDaemon(sotto);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/**
 * Connects to the daemon, starting it if needed. The caller closes the connection.
 * @throws SottoError DAEMON_UNAVAILABLE (with the daemon's error), TIMEOUT, VERSION_MISMATCH, UNAUTHORIZED
 */
export async function connectDaemon(sotto: DaemonSettings['sotto']): Promise<SottoClient> {
  const { socket, startupLog } = sottoPaths();
  const running = await findDaemon(socket);
  if (running !== undefined) return running;
  const start = startDaemon(sotto());
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    // Read this before connecting: a start that exited successfully has left a daemon that listens.
    const exitError = start.exitError();
    const client = await findDaemon(socket);
    if (client !== undefined) return client;
    if (exitError !== undefined) throw exitError;
    if (Date.now() > deadline) {
      throw new SottoError('TIMEOUT', 'Sotto didn’t start', { hint: `see ${startupLog}` });
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

/** @returns undefined if no daemon is running. @throws SottoError */
export async function findDaemon(socket = sottoPaths().socket): Promise<SottoClient | undefined> {
  try {
    return await SottoClient.connect(socket, 'raycast');
  } catch (thrown) {
    const error = SottoError.from(thrown);
    if (error.code === 'DAEMON_UNAVAILABLE') return undefined;
    throw error;
  }
}

/**
 * Raycast kills this child with the command. By then the daemon runs in a session of its own, or the next command starts it.
 * `daemon start` waits for the model; the caller need not.
 */
function startDaemon({ program, args, env }: SottoCommand): { exitError(): SottoError | undefined } {
  let stderr = '';
  let exitError: SottoError | undefined;
  const stdio: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe'];
  const child = spawn(program, [...args, 'daemon', 'start'], { stdio, env, cwd: '/' });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.on('error', (cause) => {
    exitError = new SottoError('DAEMON_UNAVAILABLE', `${program} didn’t start: ${cause.message}`, {
      cause,
      hint: 'fix the path in the extension preferences, or leave it empty',
    });
  });
  child.on('close', () => (exitError ??= parseFailure(stderr)));
  child.unref();
  return { exitError: () => exitError };
}

/** Parses the last line of standard error: `sotto: message — hint`. */
export function parseFailure(stderr: string): SottoError {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  const [message = '', hint] = last.replace(/^sotto: /, '').split(' — ');
  return new SottoError('DAEMON_UNAVAILABLE', message === '' ? 'Sotto exited at once' : message, {
    hint: hint ?? 'run `sotto doctor` in Terminal to find the cause',
  });
}
