/**
 * Layers whose weights have the layout of the CPU kernels (`mx.cpu`), in their stored precision; `pack`
 * converts loaded layers. They compute in float32.
 */
import { mx, type MxArray } from '../index.js';
import type { FusedOps } from './fused-product.js';
import { Conv1d } from './conv.js';
import { Embedding } from './embedding.js';
import { Linear } from './linear.js';
import { Module, replaceModules } from './module.js';
import { QuantizedEmbedding, QuantizedLinear } from './quantized.js';

/** A matrix [outputs, k] in panels of 16 rows. */
abstract class PackedMatrix extends Module {
  panels: MxArray; // [⌈outputs / 16⌉, k, 16]: uint8 for quantized weights, otherwise their float dtype
  scales: MxArray | null; // [⌈outputs / 16⌉, k / groupSize, 16], for quantized weights
  biases: MxArray | null;
  readonly outputs: number;

  protected constructor(weights: PackedWeights) {
    super();
    ({ panels: this.panels, scales: this.scales, biases: this.biases, outputs: this.outputs } = weights);
  }

  /** The kernels read weights of any stored dtype, so nothing is cast. */
  override toDtype(): this {
    return this;
  }

  protected product(
    x: MxArray,
    bias: MxArray | null,
    { norm, gelu, silu, elu, scale, residual }: FusedOps,
  ): MxArray {
    return mx.cpu.linear(x, this.panels, this.outputs, {
      scales: this.scales,
      biases: this.biases,
      bias,
      normWeight: norm?.weight ?? null,
      normBias: norm?.bias ?? null,
      eps: norm?.eps,
      gelu: gelu ?? false,
      silu: silu ?? false,
      elu: elu ?? false,
      scale,
      residual,
    });
  }
}

export class PackedLinear extends PackedMatrix {
  bias: MxArray | null; // [outputs] float32

  constructor(layer: Linear | QuantizedLinear, weights: PackedWeights = packLayer(layer)) {
    super(weights);
    this.bias = weights.bias;
  }

  /** [..., k] → [..., outputs] */
  forward(x: MxArray): MxArray {
    return this.fused(x, {});
  }

  /** The layer with the ops around it, in one pass over the input. */
  fused(x: MxArray, ops: FusedOps): MxArray {
    return this.product(x, this.bias, ops);
  }
}

export class PackedEmbedding extends PackedMatrix {
  constructor(layer: Embedding | QuantizedEmbedding, weights: PackedWeights = packLayer(layer)) {
    super(weights);
  }

  /** Token ids [...] → [..., dims] float32; ids out of range give zeros. */
  forward(ids: MxArray): MxArray {
    return mx.cpu.rows(this.panels, this.outputs, ids, { scales: this.scales, biases: this.biases });
  }

  /** As an output layer: [..., dims] → logits [..., vocabulary] */
  asLinear(x: MxArray): MxArray {
    return this.product(x, null, {});
  }
}

/** A 1-d convolution as a matrix product: the input under a kernel is contiguous, so nothing is copied. */
export class PackedConv1d extends PackedMatrix {
  bias: MxArray | null; // [outputs] float32
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;

  constructor(layer: Conv1d, weights: PackedWeights = packLayer(layer)) {
    super(weights);
    this.bias = weights.bias;
    this.kernelSize = layer.weight.shape[1] ?? 0;
    this.stride = layer.stride;
    this.padding = layer.padding;
  }

  /** [B, T, channels] → [B, ⌊(T + 2 padding - kernelSize) / stride⌋ + 1, outputs] */
  forward(x: MxArray): MxArray {
    return this.fused(x, {});
  }

  /** The layer with the ops around it, in one pass over the input. */
  fused(x: MxArray, ops: FusedOps): MxArray {
    const { kernelSize, stride, padding } = this;
    const padded = mx.contiguous(padding === 0 ? x : mx.pad(x, [[0, 0], [padding, padding], [0, 0]])); // prettier-ignore
    const [batch = 0, length = 0, channels = 0] = padded.shape;
    const positions = Math.floor((length - kernelSize) / stride) + 1;
    const covered = mx.asStrided(
      padded,
      [batch, positions, kernelSize * channels],
      [length * channels, stride * channels, 1],
    );
    return this.product(covered, this.bias, ops);
  }
}

export type AnyConv1d = Conv1d | PackedConv1d;

/** Whether the kernels exist and are used: on the CPU, in the Linux build, unless `SOTTO_CPU_ISA=none`. */
export function canPack(): boolean {
  return mx.cpu.available() && mx.defaultDevice() === 'cpu';
}

/**
 * Replaces all linear, embedding and 1-d convolution layers (without groups or dilation) below `module` with
 * packed ones. The new weights are not evaluated. Norms must be float32 when the layers run: call
 * `module.toDtype('float32')` afterwards. Returns the names of the replaced layers.
 */
export function pack(module: Module): string[] {
  return packIncrementally(module).replaced;
}

/**
 * As `pack`, but also returns the batches of new weights that are made together. Evaluate them in order, so
 * that a mapped file is read from start to end.
 */
export function packIncrementally(module: Module): { replaced: string[]; batches: MxArray[][] } {
  const layers = new Set<Packable>();
  for (const layer of module.namedModules().values()) if (isPackable(layer)) layers.add(layer);
  return mx.tidy(() => {
    const { matrices, batches } = packLayers([...layers]);
    const replaced: string[] = [];
    replaceModules(module, (layer, name) => {
      const weights = isPackable(layer) ? matrices.get(layer) : undefined;
      if (!isPackable(layer) || weights === undefined) return undefined;
      replaced.push(name);
      if (layer instanceof Conv1d) return new PackedConv1d(layer, weights);
      if (layer instanceof Embedding || layer instanceof QuantizedEmbedding) {
        return new PackedEmbedding(layer, weights);
      }
      return new PackedLinear(layer, weights);
    });
    for (const layer of layers) layer.dispose();
    return { replaced, batches };
  });
}

type Packable = Linear | Embedding | Conv1d | QuantizedLinear | QuantizedEmbedding;

function isPackable(layer: Module): layer is Packable {
  return (
    layer instanceof Linear ||
    layer instanceof Embedding ||
    layer instanceof QuantizedLinear ||
    layer instanceof QuantizedEmbedding ||
    (layer instanceof Conv1d && layer.groups === 1 && layer.dilation === 1)
  );
}

interface PackedWeights {
  readonly panels: MxArray;
  readonly scales: MxArray | null;
  readonly biases: MxArray | null;
  /** The layer's bias, float32 [outputs]. */
  readonly bias: MxArray | null;
  readonly outputs: number;
}

/** Special values in place of a number of bits. */
const KEEP_DTYPE = 0;
const TO_FLOAT32 = 32;

/** Packs the weights of `layers` into panels, all in one call. */
function packLayers(layers: readonly Packable[]): {
  matrices: Map<Packable, PackedWeights>;
  batches: MxArray[][];
} {
  const sources = layers.map((layer) => {
    const bias = 'bias' in layer ? layer.bias : null;
    return { layer, bias, inputs: panelSources(layer) };
  });
  const all = sources.flatMap(({ inputs, bias }): Source[] =>
    bias ? [...inputs, [bias, TO_FLOAT32]] : inputs,
  );
  const { panels, batches } = mx.cpu.pack(
    all.map(([matrix]) => matrix),
    all.map(([, bits]) => bits),
  );
  const grouped: MxArray[][] = [];
  for (const [i, array] of panels.entries()) (grouped[batches[i] ?? 0] ??= []).push(mx.keep(array));
  const matrices = new Map<Packable, PackedWeights>();
  let next = 0;
  for (const { layer, bias: stored, inputs } of sources) {
    const [weight, scales = null, biases = null] = panels.slice(next, (next += inputs.length));
    const bias = stored ? (panels[next++] ?? null) : null;
    if (weight)
      matrices.set(layer, { panels: weight, scales, biases, bias, outputs: layer.weight.shape[0] ?? 0 });
  }
  return { matrices, batches: grouped };
}

type Source = readonly [matrix: MxArray, bits: number];

/** The arrays of a layer to pack, with their number of bits: a matrix, its scales and its biases. */
function panelSources(layer: Packable): Source[] {
  if (layer instanceof Conv1d) {
    const [outputs = 0, kernelSize = 0, channels = 0] = layer.weight.shape;
    return [[mx.reshape(layer.weight, [outputs, kernelSize * channels]), KEEP_DTYPE]];
  }
  if (layer instanceof Linear || layer instanceof Embedding) return [[layer.weight, KEEP_DTYPE]];
  const { weight, scales, biases, bits } = layer;
  // Only affine quantization is a scale and a bias per group.
  if (biases === null) return [[layer.dequantized('float32'), KEEP_DTYPE]];
  return [
    [weight, bits],
    [scales, TO_FLOAT32],
    [biases, TO_FLOAT32],
  ];
}

function packLayer(layer: Packable): PackedWeights {
  const weights = packLayers([layer]).matrices.get(layer);
  if (!weights) throw new RangeError('the layer has no weights');
  return weights;
}
