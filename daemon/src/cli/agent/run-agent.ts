/**
 * `sotto daemon run --agent`: the daemon under the login agent. It replaces a daemon that a command started, waits for
 * one that the user runs, and never fails for a reason that a retry would not fix.
 */
import { sleep } from '../../async.js';
import { isRunning } from '../../is-running.js';
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { activeHolder } from '../../server/daemon-lock.js';
import { runDaemon, type RunningDaemon } from '../../daemon.js';
import { findDaemon, incompatibleDaemon } from '../daemon/start-daemon.js';
import { defined } from '../../protocol/defined.js';

const POLL_INTERVAL_MS = 1_000;
const MIN_POLL_INTERVAL_MS = 50;

/** @returns undefined if it was stopped before it started @throws SottoError a failure that a retry may fix */
export async function startAgent(
  paths: Paths,
  model: string | undefined,
  signal: AbortSignal,
): Promise<RunningDaemon | undefined> {
  const signalled = new Set<number>();
  while (!signal.aborted) {
    // Checked first, because each attempt opens a log.
    if ((await activeHolder(paths)) === undefined) {
      try {
        return await runDaemon({ paths, tolerant: true, ...defined({ model }) });
      } catch (error) {
        if (!(error instanceof SottoError) || error.code !== 'DAEMON_RUNNING') throw error;
      }
    }
    const ms = (await requestExit(paths, signalled)) ? MIN_POLL_INTERVAL_MS : POLL_INTERVAL_MS;
    await sleep(ms, signal);
  }
  return undefined;
}

/**
 * Stops a running daemon that would exit when idle or has another version.
 * @param signalled processes that already got a signal; a second one would kill them
 * @returns whether it stopped
 */
async function requestExit(paths: Paths, signalled: Set<number>): Promise<boolean> {
  try {
    const client = await findDaemon(paths);
    if (client === undefined) return true;
    const { idleExitSeconds } = await client.status();
    if (idleExitSeconds === undefined && client.daemon.version === SOTTO_VERSION) {
      client.close();
      return false;
    }
    await client.stop();
    return true;
  } catch (error) {
    const pid = incompatibleDaemon(error)?.pid;
    if (pid === undefined) return false;
    if (!isRunning(pid)) return true;
    if (!signalled.has(pid)) process.kill(pid, 'SIGTERM');
    signalled.add(pid);
    return false;
  }
}
