/** What to do when a file did not come to its end: it is the file, or it is something around it that passes, or does not. */
import { codeOf, type ErrorCode, type SottoError } from '../../protocol/errors.js';
import { MODEL_CODES } from '../model-codes.js';

/** `failed`: this file will not work. `again`: later it may. `stop`: no file will work; whoever calls again goes on from here. */
export type RetryDecision =
  { readonly action: 'failed' } | { readonly action: 'retry'; readonly afterMs: number } | { readonly action: 'stop' };

/** Of the service, not of the file: it went, it is not there, it has too much to do. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'DAEMON_LOST',
  'DAEMON_UNAVAILABLE',
  'ENGINE_UNAVAILABLE',
  'MODEL_NOT_READY',
  'BUSY',
  'SLOW_READER',
]);

/** Every other file would meet them as well. */
const FATAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...MODEL_CODES,
  'VERSION_MISMATCH',
  'UNAUTHORISED',
  'PROTOCOL',
]);

/** Of the disk that the texts go to. */
const DISK_IS_OVER: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

const FIRST_WAIT_MS = 500;
const MOST_WAIT_MS = 30_000;
/** An engine that died five times is tried again after three minutes: so long, and a little, is waited for it. */
const PATIENCE_MS = 240_000;
/** A file that was being worked on each time that the daemon went down; the transcriber has tried each time twice. */
const MOST_LOSSES = 2;

export class RetryPolicy {
  readonly #now: () => number;
  readonly #crashes = new Map<number, number>();
  #hasSucceeded = false;
  #outageSinceMs: number | undefined;
  #backoffMs = FIRST_WAIT_MS;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The service did its part, whatever came of the file. */
  recordSuccess(): void {
    this.#hasSucceeded = true;
    this.#outageSinceMs = undefined;
    this.#backoffMs = FIRST_WAIT_MS;
  }

  /** @param begun whether the engine was at the file when it happened */
  decision(error: SottoError, file: number, wasStarted: boolean): RetryDecision {
    if (FATAL.has(error.code)) return { action: 'stop' };
    if (error.code === 'OUTPUT_FAILED') {
      this.recordSuccess();
      return { action: DISK_IS_OVER.has(codeOf(error.cause) ?? '') ? 'stop' : 'failed' };
    }
    if (!PASSING.has(error.code)) {
      this.recordSuccess();
      return { action: 'failed' };
    }
    if (error.code === 'DAEMON_LOST' && wasStarted) {
      const crashes = (this.#crashes.get(file) ?? 0) + 1;
      this.#crashes.set(file, crashes);
      if (crashes >= MOST_LOSSES) return { action: 'failed' };
    }
    // What has not worked once will not by waiting: there is no service, or it can't start.
    const isUnavailable = error.code === 'DAEMON_UNAVAILABLE' || error.code === 'ENGINE_UNAVAILABLE';
    if (isUnavailable && !this.#hasSucceeded) return { action: 'stop' };
    const nowMs = this.#now();
    this.#outageSinceMs ??= nowMs;
    if (error.code !== 'BUSY' && nowMs - this.#outageSinceMs > PATIENCE_MS) return { action: 'stop' };
    const afterMs = this.#backoffMs;
    this.#backoffMs = Math.min(MOST_WAIT_MS, 2 * afterMs);
    return { action: 'retry', afterMs };
  }
}
