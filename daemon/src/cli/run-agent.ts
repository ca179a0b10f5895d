/**
 * `sotto daemon run --agent`: the daemon as the login agent runs it. It takes over from one that a command started for a
 * while, waits for one that somebody runs by hand, and never fails for a reason that another try would not mend.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../is-running.js';
import type { Paths } from '../paths.js';
import { SottoError } from '../protocol/errors.js';
import { lockHolder } from '../server/lock.js';
import { runDaemon, type RunningDaemon } from './run-daemon.js';
import { findDaemon } from './start-daemon.js';

const LOOK_EVERY_MS = 1_000;

/** @returns undefined where it was told to end before it began. @throws SottoError that another try may mend */
export async function startAgent(
  paths: Paths,
  model: string | undefined,
  signal: AbortSignal,
): Promise<RunningDaemon | undefined> {
  while (!signal.aborted) {
    try {
      return await runDaemon({ paths, tolerant: true, ...(model !== undefined && { model }) });
    } catch (error) {
      if (!(error instanceof SottoError) || error.code !== 'DAEMON_RUNNING') throw error;
    }
    if (!(await askToLeave(paths))) await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** Asks the one that runs to end if it would leave by itself, or is of another version. @returns whether it has gone */
async function askToLeave(paths: Paths): Promise<boolean> {
  try {
    const client = await findDaemon(paths);
    if (client === undefined) return true;
    const { idleExitSeconds } = await client.status();
    if (idleExitSeconds === undefined) {
      client.close();
      return false;
    }
    await client.stop();
    return true;
  } catch (error) {
    if (!(error instanceof SottoError) || error.code !== 'VERSION_MISMATCH') return false;
    const pid = lockHolder(paths.runtime)?.pid;
    if (pid === undefined || !isRunning(pid)) return true;
    process.kill(pid, 'SIGTERM');
    return false;
  }
}
