import { SottoError } from '#daemon/protocol/errors.js';

/**
 * With exhausted GPU memory MLX may return zeros, which must not pass for silence.
 *
 * @param maxAbs the largest magnitude in the output of an encoder
 * @throws SottoError ENGINE_CRASHED
 */
export function checkFeatures(maxAbs: number): void {
  if (maxAbs > 0 && Number.isFinite(maxAbs)) return;
  throw new SottoError('ENGINE_CRASHED', `the encoder returned ${maxAbs === 0 ? 'only zeros' : 'NaN'}`, {
    hint: 'the GPU is probably out of memory: quit other apps or use a smaller model',
  });
}
