/**
 * Layers whose weights lie as the CPU kernels read them (`mx.cpu`), in the precision they were stored in: `pack` makes
 * them out of loaded layers. They compute in float32.
 */
import { mx, type MxArray } from '../index.js';
import type { Around } from './around.js';
import { Conv1d } from './conv.js';
import { Embedding } from './embedding.js';
import { Linear } from './linear.js';
import { Module, replaceModules } from './module.js';
import { QuantizedEmbedding, QuantizedLinear } from './quantized.js';

/** A matrix [outputs, k] in panels of 16 rows. */
abstract class PackedMatrix extends Module {
  panels: MxArray; // [⌈outputs / 16⌉, k, 16]: uint8 for quantized weights, else their floating dtype
  scales: MxArray | null; // [⌈outputs / 16⌉, k / groupSize, 16], of quantized weights
  biases: MxArray | null;
  readonly outputs: number;

  protected constructor(weights: Matrix) {
    super();
    ({ panels: this.panels, scales: this.scales, biases: this.biases, outputs: this.outputs } = weights);
  }

  /** The kernels take the weights in whatever dtype they are stored in. */
  override toDtype(): this {
    return this;
  }

  protected product(x: MxArray, bias: MxArray | null, { norm, gelu, residual }: Around): MxArray {
    return mx.cpu.linear(x, this.panels, this.outputs, {
      scales: this.scales,
      biases: this.biases,
      bias,
      normWeight: norm?.weight ?? null,
      normBias: norm?.bias ?? null,
      eps: norm?.eps,
      gelu: gelu ?? false,
      residual,
    });
  }
}

export class PackedLinear extends PackedMatrix {
  bias: MxArray | null; // [outputs] float32

  constructor(layer: Linear | QuantizedLinear) {
    super(matrixOf(layer));
    this.bias = layer.bias && float(layer.bias);
  }

  /** [..., k] → [..., outputs] */
  forward(x: MxArray, around: Around = {}): MxArray {
    return this.product(x, this.bias, around);
  }
}

export class PackedEmbedding extends PackedMatrix {
  constructor(layer: Embedding | QuantizedEmbedding) {
    super(matrixOf(layer));
  }

  /** Token ids [...] → [..., dims] float32; one outside the vocabulary gives zeros. */
  forward(ids: MxArray): MxArray {
    return mx.cpu.rows(this.panels, this.outputs, ids, { scales: this.scales, biases: this.biases });
  }

  /** As an output layer: [..., dims] → logits [..., vocabulary] */
  asLinear(x: MxArray, around: Around = {}): MxArray {
    return this.product(x, null, around);
  }
}

/** A convolution over time as a product: what a kernel covers lies in one piece in memory, so nothing is copied out. */
export class PackedConv1d extends PackedMatrix {
  bias: MxArray | null; // [outputs] float32
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;

  constructor(layer: Conv1d) {
    const [outputs = 0, kernelSize = 0, channels = 0] = layer.weight.shape;
    const weight = mx.reshape(layer.weight, [outputs, kernelSize * channels]);
    super({ panels: keep(mx.cpu.panels(weight)), scales: null, biases: null, outputs });
    this.bias = layer.bias && float(layer.bias);
    this.kernelSize = kernelSize;
    this.stride = layer.stride;
    this.padding = layer.padding;
  }

  /** [B, T, channels] → [B, ⌊(T + 2 padding - kernelSize) / stride⌋ + 1, outputs] */
  forward(x: MxArray, around: Around = {}): MxArray {
    const { kernelSize, stride, padding } = this;
    const padded = mx.contiguous(mx.pad(x, [[0, 0], [padding, padding], [0, 0]])); // prettier-ignore
    const [batch = 0, length = 0, channels = 0] = padded.shape;
    const positions = Math.floor((length - kernelSize) / stride) + 1;
    const covered = mx.asStrided(
      padded,
      [batch, positions, kernelSize * channels],
      [length * channels, stride * channels, 1],
    );
    return this.product(covered, this.bias, around);
  }
}

/** Whether the kernels are there and would be used: on the CPU, in the Linux build, unless `SOTTO_CPU_ISA=none`. */
export function canPack(): boolean {
  return mx.cpu.available() && mx.defaultDevice() === 'cpu';
}

/**
 * Puts packed layers in the place of all linear, embedding and (without groups or dilation) 1-d convolution layers below
 * `module`. The new weights are not evaluated. Norms must be float32 when the layers run: `module.toDtype('float32')`
 * after this casts what is left. Returns the names of the replaced layers.
 */
export function pack(module: Module): string[] {
  const replaced: string[] = [];
  replaceModules(module, (layer, name) => {
    const packed = packedFrom(layer);
    if (packed === undefined) return undefined;
    layer.dispose();
    replaced.push(name);
    return packed;
  });
  return replaced;
}

function packedFrom(layer: Module): Module | undefined {
  return mx.tidy(() => {
    if (layer instanceof Linear || layer instanceof QuantizedLinear) return new PackedLinear(layer);
    if (layer instanceof Embedding || layer instanceof QuantizedEmbedding) return new PackedEmbedding(layer);
    if (layer instanceof Conv1d && layer.groups === 1 && layer.dilation === 1) return new PackedConv1d(layer);
    return undefined;
  });
}

interface Matrix {
  readonly panels: MxArray;
  readonly scales: MxArray | null;
  readonly biases: MxArray | null;
  readonly outputs: number;
}

function matrixOf(layer: Linear | Embedding | QuantizedLinear | QuantizedEmbedding): Matrix {
  const [outputs = 0] = layer.weight.shape;
  if (layer instanceof Linear || layer instanceof Embedding) return plain(layer.weight, outputs);
  const { weight, scales, biases, bits } = layer;
  // Only affine weights are a scale and a bias away from whole numbers.
  if (biases === null) return plain(layer.dequantized('float32'), outputs);
  const panels = (x: MxArray): MxArray => keep(mx.cpu.panels(x.astype('float32')));
  return {
    panels: keep(mx.cpu.panels(weight, bits)),
    scales: panels(scales),
    biases: panels(biases),
    outputs,
  };
}

function plain(weight: MxArray, outputs: number): Matrix {
  return { panels: keep(mx.cpu.panels(weight)), scales: null, biases: null, outputs };
}

const keep = (x: MxArray): MxArray => mx.keep(x);
const float = (x: MxArray): MxArray => mx.keep(x.astype('float32'));
