import { mx, type MxArray } from '../index.js';
import { Linear } from './linear.js';
import { QuantizedLinear, type AnyLinear } from './quantized.js';

/**
 * Joins several layers over the same input into one, whose outputs are theirs in order. One large product
 * reads its input once and starts once. Disposes the given layers. Unless all are quantized alike, quantized
 * ones are dequantized.
 *
 * @throws RangeError for layers that cannot be dequantized
 */
export function join(parts: readonly AnyLinear[]): AnyLinear {
  const joined = mx.tidy(() => {
    if (parts.every((part) => part instanceof Linear)) return joinLinear(parts);
    if (parts.every((part) => part instanceof QuantizedLinear) && haveSameQuantization(parts))
      return joinQuantized(parts);
    return joinLinear(parts.map(dequantizedLayer));
  });
  for (const part of parts) part.dispose();
  return joined;
}

function joinLinear(parts: readonly DenseLayer[]): Linear {
  const weight = mx.concatenate(parts.map((part) => part.weight), 0); // prettier-ignore
  const bias = joinBias(parts);
  const [outputs = 0, inputs = 0] = weight.shape;
  return new Linear(inputs, outputs, { bias: bias !== null }).loadWeights(
    bias ? { weight, bias } : { weight },
  );
}

function haveSameQuantization([first, ...others]: readonly QuantizedLinear[]): boolean {
  return others.every(
    (part) => part.bits === first?.bits && part.groupSize === first.groupSize && part.mode === first.mode,
  );
}

interface DenseLayer {
  readonly weight: MxArray;
  readonly bias: MxArray | null;
}

/** Dequantizes to the dtype of the scales, which is that of the original weights. */
function dequantizedLayer(part: AnyLinear): DenseLayer {
  if (part instanceof Linear) return part;
  if (!(part instanceof QuantizedLinear)) throw new RangeError('join: a layer is packed for the CPU already');
  const dtype = part.mode === 'affine' ? part.scales.dtype : 'float32';
  return { weight: part.dequantized(dtype), bias: part.bias };
}

function joinQuantized(parts: readonly QuantizedLinear[]): QuantizedLinear {
  const [first] = parts;
  if (!first) throw new RangeError('join: there are no layers');
  const { bits, groupSize, mode } = first;
  const rows = (of: (part: QuantizedLinear) => MxArray | null): MxArray =>
    mx.concatenate(
      parts.flatMap((part) => of(part) ?? []),
      0,
    );
  const weight = rows((part) => part.weight);
  const scales = rows((part) => part.scales);
  const bias = joinBias(parts);
  const [outputs = 0, words = 0] = weight.shape;
  const joined = new QuantizedLinear((words * 32) / bits, outputs, {
    bits,
    groupSize,
    mode,
    bias: bias !== null,
  });
  return joined.loadWeights({
    weight,
    scales,
    ...(first.biases && { biases: rows((part) => part.biases) }),
    ...(bias && { bias }),
  });
}

/** The biases in order, zeros for a layer without one; null if none has a bias. */
function joinBias(parts: readonly DenseLayer[]): MxArray | null {
  const dtype = parts.find((part) => part.bias)?.bias?.dtype;
  if (dtype === undefined) return null;
  return mx.concatenate(
    parts.map((part) => part.bias ?? mx.zeros([part.weight.shape[0] ?? 0], dtype)),
    0,
  );
}
