import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** Rounding error of a sinusoid: at most 0.0005 in float16, 0.004 in bfloat16. */
const POSITIONS_TOLERANCE = 0.01;

/**
 * The networks compute the encoder's positions, so those of a checkpoint must match.
 *
 * @param found freed
 * @param shape positions and width
 * @param where for the message
 * @throws SottoError MODEL_UNSUPPORTED
 */
export async function checkPositions(
  found: MxArray,
  [length, dims]: readonly [length: number, dims: number],
  where: string,
): Promise<void> {
  const distance = mx.tidy(() => {
    if (found.shape.join() !== [length, dims].join()) return undefined;
    const own = nn.sinusoids(length, dims);
    return mx.max(mx.abs(mx.subtract(found.astype('float32'), own)));
  });
  if (distance) await mx.ready(distance);
  const isSame = distance !== undefined && Number(distance.item()) <= POSITIONS_TOLERANCE;
  mx.dispose(found, distance);
  if (isSame) return;
  throw new SottoError(
    'MODEL_UNSUPPORTED',
    `${where}: the encoder’s positions are not the sinusoids [${length}, ${dims}] of Whisper`,
  );
}
