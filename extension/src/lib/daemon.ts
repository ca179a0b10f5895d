/** The daemon, for commands that ask it for something: found at its socket, started where it isn't there. */
import { spawn } from 'node:child_process';
import { SottoClient, SottoError } from 'sotto/client';
import type { SottoCommand } from './find-sotto';
import { sottoPaths } from './sotto-paths';

const POLL_INTERVAL_MS = 25;
/** Node's own start on a Mac that has just woken up, twice; the model is loaded later. */
const START_TIMEOUT_MS = 30_000;

export interface DaemonSettings {
  /** Where the `sotto` command is; asked only if the daemon has to be started. */
  readonly sotto: () => SottoCommand;
}

/**
 * Does some work with the daemon, and leaves it.
 * @throws SottoError see `connectDaemon`; and what the work throws
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
 * A connection to the daemon. Whoever asked for it closes it.
 * @throws SottoError DAEMON_UNAVAILABLE (with what it said), TIMEOUT, VERSION_MISMATCH, UNAUTHORISED
 */
export async function connectDaemon(sotto: DaemonSettings['sotto']): Promise<SottoClient> {
  const { socket, startupLog } = sottoPaths();
  const running = await findDaemon(socket);
  if (running !== undefined) return running;
  const start = startDaemon(sotto());
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    // Its end is looked at before the socket: who has ended well has left a daemon that listens.
    const exitError = start.exitError();
    const client = await findDaemon(socket);
    if (client !== undefined) return client;
    if (exitError !== undefined) throw exitError;
    if (Date.now() > deadline) {
      throw new SottoError('TIMEOUT', 'Sotto’s daemon does not start', { hint: `see ${startupLog}` });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** The running daemon, or undefined: for what is shown only where there is one. @throws SottoError */
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
 * Ends with the command at the latest: the daemon itself has a session of its own by then, or is started by the next one.
 * It waits until the model is warm, which we need not.
 */
function startDaemon({ program, args, env }: SottoCommand): { exitError(): SottoError | undefined } {
  let stderr = '';
  let exitError: SottoError | undefined;
  const stdio: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe'];
  const child = spawn(program, [...args, 'daemon', 'start'], { stdio, env, cwd: '/' });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.on('error', (cause) => {
    exitError = new SottoError('DAEMON_UNAVAILABLE', `${program} does not start: ${cause.message}`, {
      cause,
      hint: 'correct the path in the preferences of this extension, or leave it empty',
    });
  });
  child.on('close', () => (exitError ??= parseFailure(stderr)));
  child.unref();
  return { exitError: () => exitError };
}

/** What `sotto` prints: `sotto: message — hint`, in its last line. */
export function parseFailure(stderr: string): SottoError {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  const [message = '', hint] = last.replace(/^sotto: /, '').split(' — ');
  return new SottoError('DAEMON_UNAVAILABLE', message === '' ? 'Sotto’s daemon ended at once' : message, {
    hint: hint ?? 'run `sotto agent doctor` in Terminal to find out why',
  });
}
