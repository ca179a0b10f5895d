/** Information about processes from /proc; empty on other systems than Linux. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Empty for an exited process and for a zombie. */
export function argsOf(pid: number): string[] {
  return factsOf(pid, 'cmdline').split('\0');
}

export function isListed(pid: number): boolean {
  return factsOf(pid, 'status') !== '';
}

/** 0 for an exited process. */
export function threadsOf(pid: number): number {
  return Number(/^Threads:\s+(\d+)$/m.exec(factsOf(pid, 'status'))?.[1] ?? 0);
}

export function childrenOf(pid: number): number[] {
  return all().filter((one) => Number(/^PPid:\s+(\d+)$/m.exec(factsOf(one, 'status'))?.[1]) === pid);
}

export function hasOpen(pid: number, path: string): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => readlinkSync(`${folder}/${fd}`) === path);
  } catch {
    return false; // it has ended, or closed one meanwhile
  }
}

/** Processes with this SOTTO_HOME. */
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
