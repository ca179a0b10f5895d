import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `ps` needs a few milliseconds. */
const PS_TIMEOUT_MS = 2000;

/**
 * Whether a process of this user is running. EPERM means a process of another user, which is never one of ours. A
 * zombie (exited, but not reaped by its parent) doesn't count.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^[ZX]/.test(stateOf(pid));
}

/** The state letters that the system reports; empty if it reports none. */
export function stateOf(pid: number, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'darwin') {
    const args = ['-o', 'stat=', '-p', String(pid)];
    return spawnSync('/bin/ps', args, { encoding: 'utf8', timeout: PS_TIMEOUT_MS }).stdout?.trim() ?? '';
  }
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}
