import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `ps` answers in a few milliseconds. */
const PS_TIMEOUT_MS = 2000;

/**
 * Whether a process of this user runs. EPERM means another user's process, which none of ours is. A process that has ended
 * and whose parent has not waited for it yet (a zombie) does not run.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^[ZX]/.test(stateOf(pid));
}

/** The letters of the state that the system gives; empty where it gives none. */
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
