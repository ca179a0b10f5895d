/** Waits for conditions, with a limit that only a broken test reaches. */
export { isRunning } from '#daemon/is-running.js';

/** Well below the test timeout, so that the error names the condition. */
export const WAIT_MS = 120_000;

export async function until(what: () => boolean | Promise<boolean>, limitMs = WAIT_MS): Promise<void> {
  const giveUpMs = performance.now() + limitMs;
  while (!(await what())) {
    if (performance.now() > giveUpMs) throw new Error(`waited ${limitMs} ms for: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
