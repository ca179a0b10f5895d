/**
 * Waits for another process that writes to the history. SQLite's own wait blocks the thread, and with it everything
 * that a daemon serves. So the daemon opens the history with a wait of a few milliseconds and retries between other
 * work.
 */
import { systemClock, type Clock } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';

/** For a process that serves others meanwhile: longer than writing one dictation. */
export const SERVING_BUSY_MS = 50;
/** The total wait. */
export const MAX_BUSY_MS = 5_000;
const RETRY_MS = 100;

/**
 * @param work must change all or nothing, like each call of `History`
 * @throws SottoError of the last attempt
 */
export async function retryWhileBusy<T>(work: () => T, clock: Clock = systemClock): Promise<T> {
  const giveUpMs = clock.nowMs() + MAX_BUSY_MS;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || clock.nowMs() >= giveUpMs) throw error;
    }
    await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof SottoError && error.code === 'OUTPUT_FAILED' && error.retryable;
}
