import { yieldToEventLoop } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';

/**
 * Runs the steps of a network one after the other and waits in between, so that the event loop stays free, cancellation
 * takes effect within two steps, and at most three results exist. On a GPU each step is queued before the previous one is
 * waited for, so the device never idles.
 *
 * @param input freed, as the results in between
 * @param steps each returns a new array
 * @returns the last result; the caller owns it
 * @throws SottoError CANCELLED
 */
export async function runSteps(
  input: MxArray,
  steps: Iterable<(x: MxArray) => MxArray>,
  signal: AbortSignal,
): Promise<MxArray> {
  const isPipelined = mx.defaultDevice() === 'gpu';
  let x = input;
  let next: MxArray | undefined;
  try {
    for (const step of steps) {
      const before = x;
      next = mx.tidy(() => step(before));
      mx.asyncEval(next);
      await mx.ready(isPipelined ? before : next);
      await yieldToEventLoop(signal);
      before.dispose();
      x = next;
      next = undefined;
    }
    await mx.ready(x);
    return x;
  } catch (error) {
    mx.dispose(x, next);
    throw error;
  }
}
