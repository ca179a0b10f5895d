/** Connects to the user's daemon, or starts one in the background. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, statSync } from 'node:fs';
import { makeFolder } from '../../make-folder.js';
import { ProtocolMismatch } from '../../client/connect.js';
import { SottoClient } from '../../client/index.js';
import { launcher, packageRoot, type Paths } from '../../paths.js';
import { sleep } from '../../async.js';
import { SottoError } from '../../protocol/errors.js';
import { readFileEnd } from '../../read-file-end.js';
import { activeHolder, FILE_CHECK_INTERVAL_MS } from '../../server/daemon-lock.js';
import { unwritableHome } from '../../socket-folder.js';

const POLL_INTERVAL_MS = 25;
/** Node's start on a loaded machine, with a margin; the model loads later. */
const START_TIMEOUT_MS = 20_000;
/** A daemon recreates a missing socket file at its next check. */
const SOCKET_TIMEOUT_MS = 2 * FILE_CHECK_INTERVAL_MS;
/** After our daemon exited, how long a competing one may take to listen. */
const RIVAL_START_MS = 500;
/** Daemons started by commands exit after this long without work. */
export const AUTO_IDLE_EXIT_MINUTES = 15;
/** Maximum size of the log of background starts. */
const STARTUP_LOG_BYTES = 256 * 1024;

interface StartOptions {
  readonly paths: Paths;
  /** Model to load. */
  readonly model?: string;
  readonly idleExitMinutes?: number;
  /** Called before a daemon is started. */
  readonly onStarting?: () => void;
}

interface Connected {
  readonly client: SottoClient;
  /** Whether this call started the daemon. */
  readonly started: boolean;
}

/** @returns the running daemon, if any @throws SottoError VERSION_MISMATCH, UNAUTHORIZED */
export async function findDaemon(paths: Paths): Promise<SottoClient | undefined> {
  try {
    return await SottoClient.connect(paths.socket, 'sotto');
  } catch (error) {
    if (error instanceof SottoError && error.code === 'DAEMON_UNAVAILABLE') return undefined;
    throw error;
  }
}

/** The running daemon, if the error is that it has another protocol version. */
export function incompatibleDaemon(error: unknown): { pid: number } | undefined {
  const cause = error instanceof SottoError ? error.cause : undefined;
  return cause instanceof ProtocolMismatch ? cause.daemon : undefined;
}

/**
 * Also waits for a daemon that is starting, or recreating its removed socket.
 * @throws SottoError as `findDaemon`; DAEMON_UNAVAILABLE if one runs and doesn't respond
 */
export async function findRunningDaemon(paths: Paths): Promise<SottoClient | undefined> {
  for (const untilMs = performance.now() + SOCKET_TIMEOUT_MS; ;) {
    const client = await findDaemon(paths);
    if (client !== undefined) return client;
    const holder = await activeHolder(paths);
    if (holder === undefined) return undefined;
    if (performance.now() > untilMs) {
      throw new SottoError('DAEMON_UNAVAILABLE', `the daemon (pid ${holder.pid}) isn’t responding`, {
        hint: 'stop it with `sotto daemon stop`',
      });
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

/** @throws SottoError DAEMON_UNAVAILABLE with the daemon's last log line; VERSION_MISMATCH */
export async function findOrStartDaemon(options: StartOptions): Promise<Connected> {
  const { paths } = options;
  const running = await findDaemon(paths);
  if (running !== undefined) return { client: running, started: false };
  options.onStarting?.();
  const child = spawnDaemon(options);
  const untilMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    // The exit is checked before the socket: if two daemons start at once, one exits and the other one listens.
    const hasExited = child.exitedForMs() > RIVAL_START_MS;
    const client = await findDaemon(paths);
    if (client !== undefined) {
      const started = client.daemon.pid === child.pid;
      // It may still wait for the lock, and would start when the user stops the current daemon.
      if (!started) child.end();
      return { client, started };
    }
    if (hasExited || performance.now() > untilMs) {
      throw new SottoError('DAEMON_UNAVAILABLE', `the daemon couldn’t be started: ${child.lastLogLine()}`, {
        hint: `see ${paths.startupLog} and ${paths.log}, or use --no-daemon`,
      });
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

interface Child {
  readonly pid: number | undefined;
  /** Milliseconds since it exited; 0 while it runs. */
  exitedForMs(): number;
  lastLogLine(): string;
  /** Terminates it if it still runs. Before it has the lock, a signal is enough. */
  end(): void;
}

function spawnDaemon({ paths, model, idleExitMinutes }: StartOptions): Child {
  if (!existsSync(launcher)) {
    // Nothing is written to a removed installation.
    throw new SottoError('DAEMON_UNAVAILABLE', `Sotto no longer exists in ${packageRoot}`, {
      hint: 'it was uninstalled or upgraded; restart this program',
    });
  }
  const log = openStartupLog(paths);
  const sizeBefore = fstatSync(log).size;
  const args = [launcher, 'daemon', 'run'];
  if (model !== undefined) args.push('--model', model);
  if (idleExitMinutes !== undefined) args.push('--idle-exit', String(idleExitMinutes));
  // Its own session: neither Ctrl-C nor a closed terminal reaches it.
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
    lastLogLine: () => lastLineAfter(paths.startupLog, sizeBefore) ?? 'no output',
    end: () => void child.kill('SIGTERM'),
  };
}

/** @throws SottoError DAEMON_UNAVAILABLE if the folder is not writable */
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
