/** Waiting and cancellation: for a time, for a promise with a limit, for a condition. */
import { setImmediate } from 'node:timers/promises';
import { SottoError } from './protocol/errors.js';

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;

/** Resolves after `ms`, or as soon as one of the signals is aborted. */
export function sleep(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    for (const signal of signals) signal.addEventListener('abort', end);
    if (signals.some(({ aborted }) => aborted)) end();
  });
}

/** Resolves when `promise` settles, with or without an error, and after `ms` at the latest. */
export async function timeout(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  try {
    await Promise.race([promise.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws SottoError CANCELLED once `signal` is aborted */
export function throwIfCancelled(signal: AbortSignal | undefined, message = 'cancelled'): void {
  if (signal?.aborted === true) throw new SottoError('CANCELLED', message);
}

/**
 * Yields to the event loop once, then checks `signal`. Needed between operations of MLX, because `mx.ready` may not yield:
 * on the CPU, MLX blocks the caller while much is queued, and the awaited arrays are often done by then.
 *
 * @throws SottoError CANCELLED once `signal` is aborted
 */
export async function yieldToEventLoop(signal: AbortSignal): Promise<void> {
  await setImmediate();
  throwIfCancelled(signal);
}

/**
 * Settles as `promise` does, or rejects as soon as `signal` is aborted, because a slow disk may hold the promise for long.
 *
 * @throws SottoError CANCELLED
 */
export function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  message = 'cancelled',
): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new SottoError('CANCELLED', message));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * Checks a condition until it is true or `timeoutMs` have passed. The pauses double, from 50 ms to a second.
 *
 * @returns whether the condition became true in time
 */
export async function pollUntil(
  isTrue: () => Promise<boolean>,
  { timeoutMs, pause = sleep }: { timeoutMs: number; pause?: (ms: number) => Promise<void> },
): Promise<boolean> {
  for (let waitedMs = 0, pauseMs = FIRST_PAUSE_MS; ;) {
    if (await isTrue()) return true;
    if (waitedMs >= timeoutMs) return false;
    await pause(pauseMs);
    waitedMs += pauseMs;
    pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
  }
}
