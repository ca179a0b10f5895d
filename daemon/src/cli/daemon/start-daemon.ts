/** Finds the user's daemon, or starts one in the background and waits until it listens. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, statSync } from 'node:fs';
import { makeFolder } from '../../make-folder.js';
import { ProtocolMismatch } from '../../client/connect.js';
import { SottoClient } from '../../client/index.js';
import { launcher, packageRoot, type Paths } from '../../paths.js';
import { sleep } from '../../async.js';
import { SottoError } from '../../protocol/errors.js';
import { readFileEnd } from '../../read-file-end.js';
import { activeHolder, FILE_CHECK_INTERVAL_MS, unwritableHome } from '../../server/daemon-lock.js';

const POLL_INTERVAL_MS = 25;
/** Node's own start on a loaded machine, with much to spare; the model loads later. */
const START_TIMEOUT_MS = 20_000;
/** A daemon checks its socket file at intervals, and makes it again. */
const SOCKET_TIMEOUT_MS = 2 * FILE_CHECK_INTERVAL_MS;
/** When ours has ended, how long another one that was quicker may take until it listens. */
const RIVAL_START_MS = 500;
/** A daemon started by a command leaves again when nothing has been asked of it for this long. */
export const AUTO_IDLE_EXIT_MINUTES = 15;
/** stderr of background starts is kept below this. */
const STARTUP_LOG_BYTES = 256 * 1024;

interface StartOptions {
  readonly paths: Paths;
  /** Model that the daemon should have warm. */
  readonly model?: string;
  readonly idleExitMinutes?: number;
  /** Told once a daemon has to be started. */
  readonly onStarting?: () => void;
}

interface Connected {
  readonly client: SottoClient;
  /** Whether this call started the daemon. */
  readonly started: boolean;
}

/** The running daemon, or undefined. @throws SottoError VERSION_MISMATCH, UNAUTHORISED */
export async function findDaemon(paths: Paths): Promise<SottoClient | undefined> {
  try {
    return await SottoClient.connect(paths.socket, 'sotto');
  } catch (error) {
    if (error instanceof SottoError && error.code === 'DAEMON_UNAVAILABLE') return undefined;
    throw error;
  }
}

/** The daemon that speaks another protocol, where that was the error. */
export function incompatibleDaemon(error: unknown): { pid: number } | undefined {
  const cause = error instanceof SottoError ? error.cause : undefined;
  return cause instanceof ProtocolMismatch ? cause.daemon : undefined;
}

/**
 * The same, with time for one that is starting, or that has to make its socket again since the file was removed.
 * @throws SottoError as `findDaemon`; DAEMON_UNAVAILABLE if one runs and does not answer
 */
export async function findRunningDaemon(paths: Paths): Promise<SottoClient | undefined> {
  for (const untilMs = performance.now() + SOCKET_TIMEOUT_MS; ;) {
    const client = await findDaemon(paths);
    if (client !== undefined) return client;
    const holder = await activeHolder(paths);
    if (holder === undefined) return undefined;
    if (performance.now() > untilMs) {
      throw new SottoError('DAEMON_UNAVAILABLE', `the daemon (process ${holder.pid}) does not answer`, {
        hint: 'stop it with `sotto daemon stop`',
      });
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

/** @throws SottoError DAEMON_UNAVAILABLE (with the last line that the daemon said), VERSION_MISMATCH */
export async function findOrStartDaemon(options: StartOptions): Promise<Connected> {
  const { paths } = options;
  const running = await findDaemon(paths);
  if (running !== undefined) return { client: running, started: false };
  options.onStarting?.();
  const child = spawnDaemon(options);
  const untilMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    // Its end is looked at before the socket: of two that start at once one ends, and the other one listens.
    const hasExited = child.exitedForMs() > RIVAL_START_MS;
    const client = await findDaemon(paths);
    if (client !== undefined) {
      const started = client.daemon.pid === child.pid;
      // It may wait for the lock still, and would start when the user stops the daemon that serves now.
      if (!started) child.end();
      return { client, started };
    }
    if (hasExited || performance.now() > untilMs) {
      throw new SottoError('DAEMON_UNAVAILABLE', `the daemon could not be started: ${child.lastLogLine()}`, {
        hint: `see ${paths.startupLog} and ${paths.log}, or use --no-daemon`,
      });
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

interface Child {
  readonly pid: number | undefined;
  /** Milliseconds since it ended; 0 while it runs. */
  exitedForMs(): number;
  lastLogLine(): string;
  /** Ends it where it still runs. Before it has the lock, a signal just ends it. */
  end(): void;
}

function spawnDaemon({ paths, model, idleExitMinutes }: StartOptions): Child {
  if (!existsSync(launcher)) {
    // Nothing is made in a home that was taken away with it.
    throw new SottoError('DAEMON_UNAVAILABLE', `Sotto is not in ${packageRoot} any more`, {
      hint: 'it was uninstalled or upgraded: restart this program',
    });
  }
  const log = openStartupLog(paths);
  const sizeBefore = fstatSync(log).size;
  const args = [launcher, 'daemon', 'run'];
  if (model !== undefined) args.push('--model', model);
  if (idleExitMinutes !== undefined) args.push('--idle-exit', String(idleExitMinutes));
  // A session of its own: neither Ctrl-C nor the end of the terminal reaches it.
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  let exitedAtMs: number | undefined;
  const recordExit = (): void => void (exitedAtMs ??= performance.now());
  child.on('error', recordExit);
  child.on('exit', recordExit);
  child.unref();
  return {
    pid: child.pid,
    exitedForMs: () => (exitedAtMs === undefined ? 0 : performance.now() - exitedAtMs),
    lastLogLine: () => lastLineAfter(paths.startupLog, sizeBefore) ?? 'it said nothing',
    end: () => void child.kill('SIGTERM'),
  };
}

/** @throws SottoError DAEMON_UNAVAILABLE where the folder can't be written, such as on a read-only disk */
function openStartupLog({ logs, startupLog }: Paths): number {
  try {
    makeFolder(logs, 0o700);
    return openSync(startupLog, isTooLong(startupLog) ? 'w' : 'a', 0o600);
  } catch (error) {
    throw unwritableHome(startupLog, error);
  }
}

function isTooLong(path: string): boolean {
  try {
    return statSync(path).size > STARTUP_LOG_BYTES;
  } catch {
    return false;
  }
}

function lastLineAfter(path: string, offset: number): string | undefined {
  const lines = readFileEnd(path, STARTUP_LOG_BYTES, offset)?.trim().split('\n');
  return lines?.at(-1)?.replace(/^sotto: /, '') || undefined;
}
