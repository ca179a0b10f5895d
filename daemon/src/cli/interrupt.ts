/** Ctrl-C: the first stops the work cleanly, the second exits at once. A caller can handle the second one itself. */

/** The shell's exit code for SIGINT. */
export const INTERRUPTED = 130;

const SHOW_CURSOR = '\u001b[?25h';

interface Interrupt {
  readonly signal: AbortSignal;
  /** Removes the signal handlers. */
  release(): void;
}

/** @param onSecond called at the second signal; the third one exits */
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
