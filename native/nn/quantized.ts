/**
 * Layers over MLX's quantized weights, and conversion in both directions. `quantize` serves to quantize a
 * model (the layers hold weights) and to load a quantized one (they hold lazy zeros, which loading replaces
 * unevaluated).
 */
import { mx, type Dtype, type MxArray, type QuantizationMode } from '../index.js';
import { fusedProduct, type FusedOps } from './fused-product.js';
import { Embedding } from './embedding.js';
import { Linear } from './linear.js';
import { Module, parameter, replaceModules } from './module.js';
import type { PackedEmbedding, PackedLinear } from './packed.js';

interface QuantizationSettings {
  /** Elements that share a scale. */
  groupSize: number;
  /** Bits per element. */
  bits: number;
  mode: QuantizationMode;
}

/** MLX's own defaults per mode. */
const DEFAULTS: Readonly<Record<QuantizationMode, { groupSize: number; bits: number }>> = {
  affine: { groupSize: 64, bits: 4 },
  mxfp4: { groupSize: 32, bits: 4 },
  mxfp8: { groupSize: 32, bits: 8 },
  nvfp4: { groupSize: 16, bits: 4 },
};

/** Type of a field that may be quantized. */
export type AnyLinear = Linear | QuantizedLinear | PackedLinear;
export type AnyEmbedding = Embedding | QuantizedEmbedding | PackedEmbedding;

/** Base of the quantized layers: a matrix [rows, dims]. */
abstract class QuantizedMatrix extends Module {
  weight: MxArray; // uint32 [rows, dims × bits / 32]
  scales: MxArray; // [rows, dims / groupSize]
  biases: MxArray | null; // as scales; affine only
  readonly groupSize: number;
  readonly bits: number;
  readonly mode: QuantizationMode;

  protected constructor(rows: number, dims: number, options: Partial<QuantizationSettings>) {
    super();
    const { groupSize, bits, mode } = withDefaults(options);
    checkWidth(dims, groupSize);
    this.groupSize = groupSize;
    this.bits = bits;
    this.mode = mode;
    const isAffine = mode === 'affine';
    this.weight = parameter([rows, (dims * bits) / 32], 'uint32');
    this.scales = parameter([rows, dims / groupSize], isAffine ? 'float32' : 'uint8');
    this.biases = isAffine ? parameter([rows, dims / groupSize]) : null;
  }

  /** The dequantized matrix. [rows, dims] */
  dequantized(dtype: Dtype): MxArray {
    return this.expand(this.weight, this.scales, this.biases).astype(dtype);
  }

  protected expand(weight: MxArray, scales: MxArray, biases: MxArray | null): MxArray {
    return mx.dequantize(weight, scales, biases ?? undefined, this.groupSize, this.bits, this.mode);
  }

  /** x [..., dims] times the transposed matrix: [..., rows] */
  protected multiply(x: MxArray): MxArray {
    return mx.quantizedMatmul(x, this.weight, this.scales, this.biases ?? undefined, {
      transpose: true,
      groupSize: this.groupSize,
      bits: this.bits,
      mode: this.mode,
    });
  }
}

export class QuantizedLinear extends QuantizedMatrix {
  bias: MxArray | null; // [outputDims]

  constructor(
    inputDims: number,
    outputDims: number,
    { bias = true, ...options }: Partial<QuantizationSettings> & { bias?: boolean } = {},
  ) {
    super(outputDims, inputDims, options);
    this.bias = bias ? parameter([outputDims]) : null;
  }

  /** Quantizes the weight of `layer`. Both share its bias, so drop `layer` without disposing the bias. */
  static from(layer: Linear, options: Partial<QuantizationSettings> = {}): QuantizedLinear {
    const [outputDims = 0, inputDims = 0] = layer.weight.shape;
    const quantizedWeight = quantizeWeight(layer.weight, options);
    const quantized = new QuantizedLinear(inputDims, outputDims, { ...options, bias: layer.bias !== null });
    return quantized.loadWeights(layer.bias ? { ...quantizedWeight, bias: layer.bias } : quantizedWeight);
  }

  /** [..., inputDims] → [..., outputDims] */
  forward(x: MxArray): MxArray {
    return this.fused(x, {});
  }

  /** The layer with the ops around it. */
  fused(x: MxArray, ops: FusedOps): MxArray {
    return fusedProduct(x, ops, (input) => this.multiply(input), this.bias);
  }
}

export class QuantizedEmbedding extends QuantizedMatrix {
  constructor(vocabulary: number, dims: number, options: Partial<QuantizationSettings> = {}) {
    super(vocabulary, dims, options);
  }

  static from(layer: Embedding, options: Partial<QuantizationSettings> = {}): QuantizedEmbedding {
    const [vocabulary = 0, dims = 0] = layer.weight.shape;
    const quantizedWeight = quantizeWeight(layer.weight, options);
    return new QuantizedEmbedding(vocabulary, dims, options).loadWeights(quantizedWeight);
  }

  /** Token ids [...] → [..., dims]; dequantizes only these rows. Ids are not checked. */
  forward(ids: MxArray): MxArray {
    const rows = (matrix: MxArray): MxArray => mx.take(matrix, ids, 0);
    return this.expand(rows(this.weight), rows(this.scales), this.biases && rows(this.biases));
  }

  /** As an output layer: [..., dims] → logits [..., vocabulary] */
  asLinear(x: MxArray): MxArray {
    return this.multiply(x);
  }
}

interface QuantizeOptions extends Partial<QuantizationSettings> {
  predicate?: QuantizePredicate;
  /** The layers hold no weights: `loadWeights` fills the new ones. */
  empty?: boolean;
}

export type QuantizePredicate = (
  name: string,
  layer: Linear | Embedding,
) => boolean | Partial<QuantizationSettings>;

/**
 * Replaces the linear and embedding layers below `module` by quantized ones, in place. `predicate` selects
 * them (default: all) and may return settings for the layer. Returns the names of the replaced layers.
 *
 * @throws RangeError that names the layer, if its width is not a multiple of the group size
 * @example
 * // load a checkpoint, quantized or not
 * const { tensors } = validateSafetensors(path);
 * nn.quantize(model, { groupSize: 64, bits: 4, predicate: nn.storedQuantized(tensors), empty: true });
 * model.loadWeights(path);
 */
export function quantize(module: Module, options: QuantizeOptions = {}): string[] {
  const { predicate = () => true, empty = false, ...quantization } = options;
  const replaced: string[] = [];
  replaceModules(module, (layer, name) => {
    if (!(layer instanceof Linear || layer instanceof Embedding)) return undefined;
    const answer = predicate(name, layer);
    if (answer === false) return undefined;
    const settings = answer === true ? quantization : { ...quantization, ...answer };
    try {
      const quantized = empty ? emptyLike(layer, settings) : quantizedFrom(layer, settings);
      replaced.push(name);
      return quantized;
    } catch (error) {
      throw new RangeError(
        `cannot quantize ${name}: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
  });
  return replaced;
}

/** Quantizes the layer and frees the arrays that the new one does not share. */
function quantizedFrom(layer: Linear | Embedding, settings: Partial<QuantizationSettings>): Module {
  const quantized =
    layer instanceof Linear
      ? QuantizedLinear.from(layer, settings)
      : QuantizedEmbedding.from(layer, settings);
  layer.weight.dispose();
  return quantized;
}

/** A quantized layer of the same shape, without weights. */
function emptyLike(layer: Linear | Embedding, settings: Partial<QuantizationSettings>): Module {
  const [rows = 0, dims = 0] = layer.weight.shape;
  const replacement =
    layer instanceof Linear
      ? new QuantizedLinear(dims, rows, { ...settings, bias: layer.bias !== null })
      : new QuantizedEmbedding(rows, dims, settings);
  layer.dispose();
  return replacement;
}

/** A predicate for the layers that a checkpoint stores quantized, that is, with scales. */
export function storedQuantized(names: { has(name: string): boolean }): QuantizePredicate {
  return (name) => names.has(`${name}.scales`);
}

/**
 * Replaces every quantized layer below `module` by a dense one of `dtype`, in place and one at a time, so
 * that only one weight is held twice. For CPUs, where MLX has no fast quantized product. Evaluates the new
 * weights.
 */
export function dequantize(module: Module, dtype: Dtype = 'float32'): string[] {
  const replaced: string[] = [];
  replaceModules(module, (layer, name) => {
    if (!(layer instanceof QuantizedMatrix)) return undefined;
    const weight = mx.tidy(() => layer.dequantized(dtype));
    mx.eval(weight);
    const [rows = 0, dims = 0] = weight.shape;
    let plain: Linear | Embedding;
    if (layer instanceof QuantizedLinear && layer.bias) {
      const bias = layer.bias.astype(dtype);
      mx.eval(bias);
      plain = new Linear(dims, rows).loadWeights({ weight, bias });
    } else if (layer instanceof QuantizedLinear) {
      plain = new Linear(dims, rows, { bias: false }).loadWeights({ weight });
    } else {
      plain = new Embedding(rows, dims).loadWeights({ weight });
    }
    layer.dispose();
    replaced.push(name);
    return plain;
  });
  return replaced;
}

function withDefaults({ mode = 'affine', ...given }: Partial<QuantizationSettings>): QuantizationSettings {
  return { ...DEFAULTS[mode], ...given, mode };
}

function quantizeWeight(weight: MxArray, options: Partial<QuantizationSettings>): Record<string, MxArray> {
  const { groupSize, bits, mode } = withDefaults(options);
  checkWidth(weight.shape.at(-1) ?? 0, groupSize);
  const [quantizedWeight, scales, biases] = mx.quantize(weight, groupSize, bits, mode);
  if (!quantizedWeight || !scales) throw new Error(`mx.quantize gave no scales for mode ${mode}`);
  return biases ? { weight: quantizedWeight, scales, biases } : { weight: quantizedWeight, scales };
}

function checkWidth(dims: number, groupSize: number): void {
  if (dims % groupSize === 0) return;
  throw new RangeError(`${dims} columns cannot be quantized in groups of ${groupSize}: pick a divisor`);
}
