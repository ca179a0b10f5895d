/** Whether whoever started this process still runs: one whose parent has ended is given another one. */
import type { Clock, Timer } from '../../clock.js';
import { isRunning } from '../../is-running.js';

const POLL_INTERVAL_MS = 2_000;

/**
 * Calls `gone` once. The returned function calls it off.
 * @param named id of the process, as it gave it itself: it may have ended before this one could look, and then the parent is
 * another one from the beginning
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
