/** Runs log-mel frames through the encoder, block by block, so that the event loop runs in between. */
import { yieldToEventLoop } from '#daemon/async.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import type { ConformerEncoder } from './conformer-encoder.js';

/**
 * Normalized log-mel [T, bands], which is freed → features [⌈T / 8⌉, D], which the caller frees. On a GPU each block is queued
 * before the one before it is waited for.
 *
 * @throws SottoError CANCELLED within two blocks; ENGINE_CRASHED if the output is all zeros or NaN
 */
export async function encodeMel(
  encoder: ConformerEncoder,
  mel: MxArray,
  signal: AbortSignal,
): Promise<MxArray> {
  const held = new Set<MxArray>([mel]); // freed on every path
  const queue = (make: () => MxArray): MxArray => {
    const array = mx.tidy(make);
    held.add(array);
    mx.asyncEval(array);
    return array;
  };
  const free = (array: MxArray): void => {
    held.delete(array);
    array.dispose();
  };
  const isPipelined = mx.defaultDevice() === 'gpu';
  try {
    let x = queue(() => encoder.embed(mx.expandDims(mel, 0)));
    const positions = queue(() => encoder.positions(x));
    await mx.ready(x, positions);
    free(mel);
    for (const layer of encoder.layers) {
      const input = x;
      x = queue(() => layer.forward(input, positions));
      await mx.ready(isPipelined ? input : x);
      await yieldToEventLoop(signal);
      free(input);
    }
    const maxAbs = queue(() => mx.max(mx.abs(mx.astype(x, 'float32'))));
    const features = queue(() => mx.squeeze(x, 0));
    await mx.ready(maxAbs, features);
    checkFeatures(Number(maxAbs.item()));
    held.delete(features);
    return features;
  } finally {
    mx.dispose([...held]);
  }
}

/** With exhausted GPU memory MLX may return zeros, which must not pass for silence. */
export function checkFeatures(maxAbs: number): void {
  if (maxAbs > 0 && Number.isFinite(maxAbs)) return;
  throw new SottoError('ENGINE_CRASHED', `the encoder returned ${maxAbs === 0 ? 'only zeros' : 'NaN'}`, {
    hint: 'the GPU is probably out of memory: quit other apps or use a smaller model',
  });
}
