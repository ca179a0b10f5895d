import { readFileSync } from 'node:fs';

/**
 * Whether a process of this user is there. EPERM means another user's, which none of ours is. One that has ended and that
 * nobody has waited for yet (a zombie, for seconds or for ever in a container without an init) is not; on a Mac launchd waits
 * for those without a parent at once.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^State:\s+[ZX]/m.test(statusOf(pid));
}

/** Linux's own words on a process; empty where they are not to be had. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}
