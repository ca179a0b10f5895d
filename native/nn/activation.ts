/** Elementwise activations, which keep shape and dtype, and softmaxes. */
import { mx, type MxArray } from '../index.js';
import { canPack } from './packed.js';

/** x Φ(x), exact, as Whisper was trained with (arXiv 1606.08415). */
export function gelu(x: MxArray): MxArray {
  return mx.fast.gelu(x);
}

/** Tanh approximation of GELU; within 0.0005 of the exact one near 0. */
export function geluApprox(x: MxArray): MxArray {
  const cubic = mx.add(x, mx.multiply(mx.power(x, 3), 0.044715));
  return mx.multiply(mx.multiply(x, 0.5), mx.add(mx.tanh(mx.multiply(cubic, Math.sqrt(2 / Math.PI))), 1));
}

/** x σ(x), also called swish. */
export function silu(x: MxArray): MxArray {
  return mx.multiply(x, mx.sigmoid(x));
}

/** x, or e^x - 1 below 0 (arXiv 1511.07289). */
export function elu(x: MxArray): MxArray {
  if (canPack() && x.dtype === 'float32') return mx.cpu.elu(x);
  return mx.add(mx.maximum(x, 0), mx.expm1(mx.minimum(x, 0)));
}

export function relu(x: MxArray): MxArray {
  return mx.maximum(x, 0);
}

export function leakyRelu(x: MxArray, slope = 0.01): MxArray {
  return mx.maximum(mx.multiply(x, slope), x);
}

export function sigmoid(x: MxArray): MxArray {
  return mx.sigmoid(x);
}

export function tanh(x: MxArray): MxArray {
  return mx.tanh(x);
}

/** The first half of `axis`, gated by the second. */
export function glu(x: MxArray, axis = -1): MxArray {
  const [a, b] = mx.split(x, 2, axis);
  if (!a || !b) throw new RangeError('glu: the axis must have an even length');
  return mx.multiply(a, mx.sigmoid(b));
}

/** Softmax that sums in float32 for every dtype of x. */
export function softmax(x: MxArray, axis = -1): MxArray {
  return mx.softmax(x, axis, { precise: true });
}

export function logSoftmax(x: MxArray, axis = -1): MxArray {
  if (
    !canPack() ||
    x.dtype !== 'float32' ||
    x.shape.length !== 2 ||
    x.size === 0 ||
    (axis !== -1 && axis !== 1)
  )
    return mx.subtract(x, mx.logsumexp(x, axis, true));
  // MLX's exp computes one number at a time on the CPU.
  const [, , logNormalizer] = mx.cpu.topK(x, 1);
  return mx.subtract(x, logNormalizer);
}
