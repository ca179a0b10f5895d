/** Decides what happens to a file that was not transcribed. */
import { codeOf, type ErrorCode, type SottoError } from '../protocol/errors.js';
import { MODEL_ERROR_CODES } from '../protocol/model-error-codes.js';

/**
 * `failed`: the file can't be transcribed. `retry`: the cause may pass. `stop`: no file can be transcribed; the next
 * run resumes.
 */
type RetryDecision =
  | { readonly action: 'failed' }
  | { readonly action: 'retry'; readonly afterMs: number }
  | { readonly action: 'stop' };

/** Failures of the service, not of the file. */
const TRANSIENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'DAEMON_LOST',
  'DAEMON_UNAVAILABLE',
  'ENGINE_UNAVAILABLE',
  'MODEL_NOT_READY',
  'BUSY',
  'SLOW_READER',
]);

/** Failures that affect every file. */
const FATAL_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...MODEL_ERROR_CODES,
  'VERSION_MISMATCH',
  'UNAUTHORIZED',
  'PROTOCOL',
]);

/** Failures of the output disk. */
const DISK_ERROR_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

const INITIAL_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** Slightly more than the three minutes after which an engine that crashed five times restarts. */
const MAX_OUTAGE_MS = 240_000;
/** Daemon crashes during a file before it fails. The transcriber itself tries twice each time. */
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

  /** The service answered, whatever the outcome of the file. */
  recordSuccess(): void {
    this.#hasSucceeded = true;
    this.#outageSinceMs = undefined;
    this.#backoffMs = INITIAL_BACKOFF_MS;
  }

  /** @param wasStarted whether the engine was transcribing the file */
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
    // A service that never worked will not start working by waiting.
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
