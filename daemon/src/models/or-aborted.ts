import { SottoError } from '#daemon/protocol/errors.js';

/**
 * Settles as `promise` does, or rejects with CANCELLED as soon as `signal` is aborted: a slow disk, or somebody else's work,
 * may hold the promise itself for long.
 */
export function orAborted<T>(
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
