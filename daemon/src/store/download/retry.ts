/** Retries transient failures with increasing delays. */
import { throwIfCancelled } from '../../async.js';
import { pause, type Clock } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import { OfflineError, TransientError } from './download-errors.js';

interface RetryOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A try has failed; the next one is in `waitMs`. */
  readonly onWait?: (why: string, waitMs: number) => void;
  /** Maximum tries while the Hub's name doesn't resolve; as many as for other failures if left out. */
  readonly offlineTries?: number;
  /** From 0 to 1: spreads the tries of many clients. */
  readonly random?: () => number;
}

/** Consecutive tries without progress. */
export const MAX_TRIES = 7;
const INITIAL_BACKOFF_MS = 500;
const MAX_WAIT_MS = 30_000;
/** A longer requested delay is reported to the user instead. */
const MAX_REQUESTED_WAIT_MS = 300_000;

/**
 * Calls `work` until it succeeds. `work` calls `progress` when data arrives, which resets the number of tries.
 *
 * @throws SottoError the error of `work`, DOWNLOAD_FAILED after the last try, CANCELLED
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
          hint: 'check your connection, then run the same command again to resume',
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
