/** Tries again what passes by itself, further apart each time. */
import type { Clock } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import { OfflineError, TransientError } from './download-errors.js';

interface RetryOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A try has failed, the next one comes after `waitMs`. */
  readonly onWait?: (why: string, waitMs: number) => void;
  /** Tries in a row where the name of the hub is not found; as many as of others, if left out. */
  readonly offlineTries?: number;
  /** From 0 to 1: spreads the tries of many programs. */
  readonly random?: () => number;
}

/** Tries in a row that bring nothing. */
export const MAX_TRIES = 7;
const INITIAL_BACKOFF_MS = 500;
const MAX_WAIT_MS = 30_000;
/** A hub that asks to wait longer is told to the user instead. */
const MAX_REQUESTED_WAIT_MS = 300_000;

/**
 * Calls `work` until it succeeds. `work` calls `progress` when something has come: then the count of tries begins anew.
 *
 * @throws SottoError what `work` threw, DOWNLOAD_FAILED when no try is left, CANCELLED
 */
export async function withRetries<T>(
  work: (progress: () => void) => Promise<T>,
  { clock, signal, onWait, offlineTries = MAX_TRIES, random = Math.random }: RetryOptions,
): Promise<T> {
  let failures = 0;
  for (;;) {
    throwIfCancelled(signal);
    try {
      return await work(() => (failures = 0));
    } catch (error) {
      throwIfCancelled(signal);
      if (!(error instanceof TransientError)) throw error;
      failures++;
      if (error instanceof OfflineError && failures >= offlineTries) {
        throw new SottoError('DOWNLOAD_FAILED', error.message, {
          cause: error,
          hint: 'are you online? Then run the same command again: it resumes',
        });
      }
      const waitMs =
        error.waitMs ??
        Math.min(MAX_WAIT_MS, INITIAL_BACKOFF_MS * 2 ** (failures - 1)) * (0.75 + random() / 2);
      if (failures >= MAX_TRIES || waitMs > MAX_REQUESTED_WAIT_MS) {
        const later = error.waitMs === undefined ? '' : `, for ${Math.ceil(error.waitMs / 1000)} s`;
        throw new SottoError('DOWNLOAD_FAILED', `${error.message}${later}`, { cause: error });
      }
      onWait?.(error.message, waitMs);
      await pause(waitMs, clock, signal);
    }
  }
}

export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled', { hint: '' });
}

/** Waits, or less long when cancelled. */
export async function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
