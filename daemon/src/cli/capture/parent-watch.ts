/** Whether whoever started this process still runs: one whose parent has ended is given another one. */
import type { Clock } from '../../clock.js';

const LOOK_EVERY_MS = 2_000;

/** Calls `gone` once. The returned function calls it off. */
export function watchParent(clock: Clock, gone: () => void): () => void {
  const parent = process.ppid;
  let calm = (): void => undefined;
  const look = (): void => {
    if (process.ppid === parent) calm = clock.after(LOOK_EVERY_MS, look);
    else gone();
  };
  look();
  return () => calm();
}
