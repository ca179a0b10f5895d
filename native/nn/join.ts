import { mx, type MxArray } from '../index.js';
import { Linear } from './linear.js';
import { QuantizedLinear, type AnyLinear } from './quantized.js';

/**
 * One layer in the place of several over the same input: its outputs are theirs, one after another. One large product
 * reads its input once and starts once. The parts are used up. All are of one kind (and of one quantization).
 *
 * @throws RangeError if they are not
 */
export function join(parts: readonly AnyLinear[]): AnyLinear {
  const joined = mx.tidy(() => {
    if (parts.every((part) => part instanceof Linear)) return joinLinear(parts);
    if (parts.every((part) => part instanceof QuantizedLinear)) return joinQuantized(parts);
    throw new RangeError('join: the layers are not of one kind');
  });
  for (const part of parts) part.dispose();
  return joined;
}

function joinLinear(parts: readonly Linear[]): Linear {
  const weight = mx.concatenate(parts.map((part) => part.weight), 0); // prettier-ignore
  const bias = joinBias(parts);
  const [outputs = 0, inputs = 0] = weight.shape;
  return new Linear(inputs, outputs, { bias: bias !== null }).loadWeights(
    bias ? { weight, bias } : { weight },
  );
}

function joinQuantized(parts: readonly QuantizedLinear[]): QuantizedLinear {
  const [first] = parts;
  if (
    !first ||
    parts.some((p) => p.bits !== first.bits || p.groupSize !== first.groupSize || p.mode !== first.mode)
  ) {
    throw new RangeError('join: the layers are not quantized in one way');
  }
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

/** The biases one after another, zeros where a part has none; null where none has. */
function joinBias(parts: readonly AnyJoinable[]): MxArray | null {
  const dtype = parts.find((part) => part.bias)?.bias?.dtype;
  if (dtype === undefined) return null;
  return mx.concatenate(
    parts.map((part) => part.bias ?? mx.zeros([part.weight.shape[0] ?? 0], dtype)),
    0,
  );
}

type AnyJoinable = Linear | QuantizedLinear;
