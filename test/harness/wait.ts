/** Waiting for what happens elsewhere, with a limit that only a broken test reaches. */
export { isRunning } from '#daemon/is-running.js';

export async function until(what: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const giveUpMs = performance.now() + limitMs;
  while (!(await what())) {
    if (performance.now() > giveUpMs) throw new Error(`waited ${limitMs} ms for: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
