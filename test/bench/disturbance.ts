/** How much of the machine others took while a contender worked: a busy neighbour ruins figures without being seen in them. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 60;
/** Of the processors: what a machine at rest uses for itself. */
const REST = 0.1;

/** Clock ticks since the start of the system, over all cores. */
interface SystemTicks {
  readonly busy: number;
  readonly all: number;
}

/** From the first line of Linux's /proc/stat: `cpu user nice system idle iowait irq softirq steal …`. */
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

/** Adds up turns: what the system was busy with beyond the one whose turn it was. */
export class Disturbance {
  #others = 0;
  #all = 0;

  add(before: SystemTicks | undefined, after: SystemTicks | undefined, ownTicks: number): void {
    if (before === undefined || after === undefined) return;
    this.#others += Math.max(0, after.busy - before.busy - ownTicks);
    this.#all += after.all - before.all;
  }

  /** Of all the processor time there was, 0 to 1; undefined where the system does not tell. */
  get share(): number | undefined {
    return this.#all > 0 ? this.#others / this.#all : undefined;
  }
}

/**
 * Waits until the machine is at rest, for at most `limitMs`; resolves with the ms it took. Where the system does not tell
 * how busy it is, at once.
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
