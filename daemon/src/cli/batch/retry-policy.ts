/** What to do when a file did not come to its end: it is the file, or it is something around it that passes, or does not. */
import { codeOf, type ErrorCode, type SottoError } from '../../protocol/errors.js';
import { MODEL_ERROR_CODES } from '../transcribe/model-error-codes.js';

/** `failed`: this file will not work. `again`: later it may. `stop`: no file will work; whoever calls again goes on from here. */
type RetryDecision =
  | { readonly action: 'failed' }
  | { readonly action: 'retry'; readonly afterMs: number }
  | { readonly action: 'stop' };

/** Of the service, not of the file: it went, it is not there, it has too much to do. */
const TRANSIENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'DAEMON_LOST',
  'DAEMON_UNAVAILABLE',
  'ENGINE_UNAVAILABLE',
  'MODEL_NOT_READY',
  'BUSY',
  'SLOW_READER',
]);

/** Every other file would meet them as well. */
const FATAL_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...MODEL_ERROR_CODES,
  'VERSION_MISMATCH',
  'UNAUTHORISED',
  'PROTOCOL',
]);

/** Of the disk that the texts go to. */
const DISK_ERROR_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

const INITIAL_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** An engine that died five times is tried again after three minutes: so long, and a little, is waited for it. */
const MAX_OUTAGE_MS = 240_000;
/** A file that was being worked on each time that the daemon went down; the transcriber has tried each time twice. */
const MAX_CRASHES_PER_FILE = 2;

export class RetryPolicy {
  readonly #now: () => number;
  readonly #crashes = new Map<number, number>();
  #hasSucceeded = false;
  #outageSinceMs: number | undefined;
  #backoffMs = INITIAL_BACKOFF_MS;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The service did its part, whatever came of the file. */
  recordSuccess(): void {
    this.#hasSucceeded = true;
    this.#outageSinceMs = undefined;
    this.#backoffMs = INITIAL_BACKOFF_MS;
  }

  /** @param begun whether the engine was at the file when it happened */
  decision(error: SottoError, file: number, wasStarted: boolean): RetryDecision {
    if (FATAL_CODES.has(error.code)) return { action: 'stop' };
    if (error.code === 'OUTPUT_FAILED') {
      this.recordSuccess();
      return { action: DISK_ERROR_CODES.has(codeOf(error.cause) ?? '') ? 'stop' : 'failed' };
    }
    if (!TRANSIENT_CODES.has(error.code)) {
      this.recordSuccess();
      return { action: 'failed' };
    }
    if (error.code === 'DAEMON_LOST' && wasStarted) {
      const crashes = (this.#crashes.get(file) ?? 0) + 1;
      this.#crashes.set(file, crashes);
      if (crashes >= MAX_CRASHES_PER_FILE) return { action: 'failed' };
    }
    // What has not worked once will not by waiting: there is no service, or it can't start.
    const isUnavailable = error.code === 'DAEMON_UNAVAILABLE' || error.code === 'ENGINE_UNAVAILABLE';
    if (isUnavailable && !this.#hasSucceeded) return { action: 'stop' };
    const nowMs = this.#now();
    this.#outageSinceMs ??= nowMs;
    if (error.code !== 'BUSY' && nowMs - this.#outageSinceMs > MAX_OUTAGE_MS) return { action: 'stop' };
    const afterMs = this.#backoffMs;
    this.#backoffMs = Math.min(MAX_BACKOFF_MS, 2 * afterMs);
    return { action: 'retry', afterMs };
  }
}
