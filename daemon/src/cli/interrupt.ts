/** Ctrl-C: the first one ends the work in good order, the second one at once; or as the caller says, then the third. */

/** What the shell reports for a program that SIGINT ended. */
export const INTERRUPTED = 130;

const SHOW_CURSOR = '\u001b[?25h';

interface Interrupt {
  readonly signal: AbortSignal;
  /** Gives the signals back to the system. */
  release(): void;
}

/** @param onSecond takes the place of the end at once; it happens at the next signal then */
export function onInterrupt(onSecond?: () => void): Interrupt {
  const controller = new AbortController();
  const handle = (): void => {
    if (controller.signal.aborted && onSecond !== undefined) {
      const leave = onSecond;
      onSecond = undefined;
      leave();
    } else if (controller.signal.aborted) {
      if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
      process.exit(INTERRUPTED);
    } else controller.abort();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, handle);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of names) process.off(name, handle);
    },
  };
}
