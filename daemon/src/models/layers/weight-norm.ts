/** Weight normalization (Salimans and Kingma 2016), folded into one kernel when a checkpoint is loaded. */
import { mx, type MxArray } from '#native/index.js';

/**
 * g v / |v| in float32, whatever the dtypes: rounding it again would change the model. The norm is over all axes along which `g` has one element.
 *
 * @param g magnitudes, of the shape of v with 1 along the other axes
 * @throws RangeError if the shapes don't fit
 */
export function foldWeightNorm(g: MxArray, v: MxArray): MxArray {
  const [magnitudes, shape] = [g.shape, v.shape];
  const fits = magnitudes.length === shape.length && magnitudes.every((n, i) => n === 1 || n === shape[i]);
  if (!fits) {
    throw new RangeError(`the magnitudes [${magnitudes.join(', ')}] don’t fit [${shape.join(', ')}]`);
  }
  const axes = magnitudes.flatMap((n, axis) => (n === 1 ? [axis] : []));
  return mx.tidy(() => {
    const direction = mx.astype(v, 'float32');
    const length = mx.sqrt(mx.sum(mx.square(direction), axes, true));
    return mx.multiply(mx.divide(direction, length), mx.astype(g, 'float32'));
  });
}
