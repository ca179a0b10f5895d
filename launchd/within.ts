/** Trying again until something is so, or time is up. */

export type Pause = (ms: number) => Promise<void>;

const LONGEST_MS = 1_000;

export const pause: Pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @returns whether it came true within the time; the pauses between two tries double, from 50 ms to a second */
export async function within(limitMs: number, sleep: Pause, isSo: () => Promise<boolean>): Promise<boolean> {
  for (let waitedMs = 0, pauseMs = 50; ;) {
    if (await isSo()) return true;
    if (waitedMs >= limitMs) return false;
    await sleep(pauseMs);
    waitedMs += pauseMs;
    pauseMs = Math.min(LONGEST_MS, pauseMs * 2);
  }
}
