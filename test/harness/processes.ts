/** What the system says of processes, where it says it (Linux): elsewhere there are none. */
import { readdirSync, readFileSync } from 'node:fs';

/** None of one that is gone, or has ended and is still waited for. */
export function argsOf(pid: number): string[] {
  return factsOf(pid, 'cmdline').split('\0');
}

export function isListed(pid: number): boolean {
  return factsOf(pid, 'status') !== '';
}

/** 0 of one that is gone. */
export function threadsOf(pid: number): number {
  return Number(/^Threads:\s+(\d+)$/m.exec(factsOf(pid, 'status'))?.[1] ?? 0);
}

/** Processes whose parent it is. */
export function childrenOf(pid: number): number[] {
  return all().filter((one) => Number(/^PPid:\s+(\d+)$/m.exec(factsOf(one, 'status'))?.[1]) === pid);
}

/** Processes whose environment names this home. */
export function processesOf(home: string): number[] {
  return all().filter((pid) => factsOf(pid, 'environ').split('\0').includes(`SOTTO_HOME=${home}`));
}

function all(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function factsOf(pid: number, file: 'cmdline' | 'environ' | 'status'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
