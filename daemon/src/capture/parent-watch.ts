/** Detects that the parent of this process has exited: the system then assigns another parent. */
import type { Clock, Timer } from '../clock.js';
import { isRunning } from '../is-running.js';

const POLL_INTERVAL_MS = 2_000;

/**
 * Calls `onExit` once.
 * @param pid the parent's id, as it passed it: it may have exited before this process could read its own parent's
 *   id
 */
export function watchParent(clock: Clock, onExit: () => void, pid?: number): () => void {
  const parent = process.ppid;
  let timer: Timer | undefined;
  const check = (): void => {
    const isThere = process.ppid === parent && (pid === undefined || isRunning(pid));
    if (isThere) timer = clock.after(POLL_INTERVAL_MS, check);
    else onExit();
  };
  check();
  return () => timer?.cancel();
}
