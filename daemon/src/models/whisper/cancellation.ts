import { setImmediate } from 'node:timers/promises';

import { SottoError } from '#daemon/protocol/errors.js';

/** @throws SottoError CANCELLED once `signal` is aborted. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
}

/**
 * Yields to the event loop once, then checks `signal`. `mx.ready` may not yield: on the CPU, MLX blocks the caller while
 * much is queued, and the awaited arrays are often done by then.
 *
 * @throws SottoError CANCELLED once `signal` is aborted.
 */
export async function yieldToEventLoop(signal: AbortSignal): Promise<void> {
  await setImmediate();
  throwIfCancelled(signal);
}
