import { setImmediate } from 'node:timers/promises';

import { SottoError } from '#daemon/protocol/errors.js';

/** @throws SottoError CANCELLED once `signal` is aborted. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new SottoError('CANCELLED', 'the transcription was cancelled');
}

/**
 * Lets the event loop turn once, then looks at `signal`. `mx.ready` need not have let it: on the CPU, MLX holds the
 * caller while much is queued, and what is waited for is then often done already.
 *
 * @throws SottoError CANCELLED once `signal` is aborted.
 */
export async function yieldToEventLoop(signal: AbortSignal): Promise<void> {
  await setImmediate();
  throwIfCancelled(signal);
}
