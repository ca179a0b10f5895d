/** Bytes of the matrices of a loaded network. */
import type { LayerQuantization, StoredQuantization } from '../checkpoint/quantization.js';
import type { StoredWeights } from '../checkpoint/weight-formats.js';
import { bytesOf, type Backend } from './backend.js';

/** The matrix of one product of the loaded network. */
export interface Matrix {
  /** Stored names; several for joined matrices. */
  readonly names: readonly [string, ...string[]];
  readonly outputs: number;
  readonly inputs: number;
  readonly hasBias: boolean;
  /** False for convolutions. */
  readonly canBeQuantized: boolean;
}

/** The matrix of a linear layer. @param names several if it is joined */
export function linearMatrix(
  names: string | Matrix['names'],
  outputs: number,
  inputs: number,
  hasBias = true,
): Matrix {
  return {
    names: typeof names === 'string' ? [names] : names,
    outputs,
    inputs,
    hasBias,
    canBeQuantized: true,
  };
}

/** Row count of the panels of our kernels, which are padded. */
export const PANEL = 16;
const FLOAT32 = 4;

/** Bytes of a matrix, its bias and its scales, in the layout of the backend. */
export function matrixBytes(
  { names, outputs, inputs, hasBias, canBeQuantized }: Matrix,
  quantized: StoredQuantization | undefined,
  stored: StoredWeights,
  backend: Backend,
): number {
  const [name] = names;
  const quantizations = names.map((one) =>
    canBeQuantized ? quantizationOf(one, quantized, stored) : undefined,
  );
  const [first] = quantizations;
  const isUniform = quantizations.every(
    (quantization) => quantization?.bits === first?.bits && quantization?.groupSize === first?.groupSize,
  );
  const quantization = isUniform ? first : undefined; // mixed formats are dequantized for the join
  const isExpanded = first !== undefined && !isUniform;
  const width = bytesOf(stored.dtypeOf(isExpanded ? `${name}.scales` : `${name}.weight`));
  const bias = hasBias
    ? outputs * (backend === 'gpu' ? bytesOf(stored.dtypeOf(`${name}.bias`)) : FLOAT32)
    : 0;
  const scales = quantization ? 2 * (inputs / quantization.groupSize) : 0; // per output: scales and biases
  switch (backend) {
    case 'gpu': {
      const scaleWidth = bytesOf(stored.dtypeOf(`${name}.scales`));
      const row = quantization ? (inputs * quantization.bits) / 8 + scales * scaleWidth : inputs * width;
      return outputs * row + bias;
    }
    case 'kernels': {
      const rows = Math.ceil(outputs / PANEL) * PANEL;
      return rows * (quantization ? inputs + scales * FLOAT32 : inputs * width) + bias; // one byte per weight for any number of bits
    }
    case 'cpu':
      return outputs * inputs * FLOAT32 + bias;
  }
}

function quantizationOf(
  name: string,
  quantization: StoredQuantization | undefined,
  stored: StoredWeights,
): LayerQuantization | undefined {
  if (quantization === undefined || !stored.isQuantized(name)) return undefined;
  const own = quantization.layers?.get(name);
  return own === false ? undefined : (own ?? quantization);
}

/** As a GPU keeps them: a checkpoint of float32 is cast to float16. @param common the weight that decides */
export function asFloat16(stored: StoredWeights, common: string): StoredWeights {
  const isWhole = stored.dtypeOf(common) === 'float32';
  return isWhole ? { dtypeOf: () => 'float16', isQuantized: (layer) => stored.isQuantized(layer) } : stored;
}
