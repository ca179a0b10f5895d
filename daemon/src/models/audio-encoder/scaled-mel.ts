import { DYNAMIC_RANGE_LOG10 } from '#daemon/audio/mel/mel.js';
import { mx, type MxArray } from '#native/index.js';

/** Raw log10-mel frames → input of an encoder. @param peak the loudest value, to clamp by: a scalar */
export function scaledMel(raw: MxArray, peak: MxArray | number): MxArray {
  const clamped = mx.maximum(raw, mx.subtract(peak, DYNAMIC_RANGE_LOG10));
  return mx.divide(mx.add(clamped, 4), 4);
}
