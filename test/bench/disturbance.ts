/** Measures the load of other processes while a contender runs, because it distorts figures invisibly. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 60;
/** Share of the processors that an idle machine uses itself. */
const REST = 0.1;

/** Clock ticks since boot, summed over all cores. */
interface SystemTicks {
  readonly busy: number;
  readonly all: number;
}

/** Parses the first line of Linux's /proc/stat: `cpu user nice system idle iowait irq softirq steal …`. */
export function parseSystemTicks(stat: string): SystemTicks {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = stat
    .split('\n', 1)
    .join('')
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, all: busy + idle + iowait };
}

export function systemTicks(): SystemTicks | undefined {
  return existsSync('/proc/stat') ? parseSystemTicks(readFileSync('/proc/stat', 'utf8')) : undefined;
}

/** Sums the load of the system beyond the measured process. */
export class Disturbance {
  #others = 0;
  #all = 0;

  add(before: SystemTicks | undefined, after: SystemTicks | undefined, ownTicks: number): void {
    if (before === undefined || after === undefined) return;
    this.#others += Math.max(0, after.busy - before.busy - ownTicks);
    this.#all += after.all - before.all;
  }

  /** Share of the CPU time, 0 to 1; undefined if the system does not report it. */
  get share(): number | undefined {
    return this.#all > 0 ? this.#others / this.#all : undefined;
  }
}

/**
 * Waits until the machine is idle, for at most `limitMs`; resolves with the ms it took. Returns at once if the system
 * does not report its load.
 */
export async function rest(limitMs: number): Promise<number> {
  const begin = performance.now();
  const waited = () => performance.now() - begin;
  for (let before = systemTicks(); before !== undefined && waited() < limitMs;) {
    await sleep(Math.min(POLL_MS, limitMs));
    const now = systemTicks();
    if (now === undefined || now.busy - before.busy <= REST * (now.all - before.all)) break;
    before = now;
  }
  return waited();
}
