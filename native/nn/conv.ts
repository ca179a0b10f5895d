/** Convolutions, channels last. */
import { mx, type MxArray } from '../index.js';
import { fusedProduct, type FusedOps } from './fused-product.js';
import { Module, parameter } from './module.js';

export interface ConvOptions {
  stride?: number;
  /** Zeros added on each side. */
  padding?: number;
  dilation?: number;
  groups?: number;
  bias?: boolean;
}

/** Base of the convolutions: a kernel, a bias per output channel, and the kernel's geometry. */
abstract class Convolution extends Module {
  weight: MxArray;
  bias: MxArray | null; // [outChannels]
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;

  protected constructor(weightShape: readonly number[], options: ConvOptions) {
    super();
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    const [outChannels = 0] = weightShape;
    this.weight = parameter(weightShape);
    this.bias = bias ? parameter([outChannels]) : null;
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.groups = groups;
  }

  protected withBias(y: MxArray): MxArray {
    return this.bias ? mx.add(y, this.bias) : y;
  }
}

/** weight [outChannels, kernelSize, inChannels / groups] */
export class Conv1d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: number, options: ConvOptions = {}) {
    super([outChannels, kernelSize, perGroup(inChannels, options)], options);
  }

  /** [B, T, inChannels] → [B, ⌊(T + 2 padding - dilation (kernelSize - 1) - 1) / stride⌋ + 1, outChannels] */
  forward(x: MxArray): MxArray {
    return this.fused(x, {});
  }

  /** The layer with the ops around it. */
  fused(x: MxArray, ops: FusedOps): MxArray {
    const { stride, padding, dilation, groups } = this;
    const product = (input: MxArray): MxArray =>
      mx.conv1d(input, this.weight, stride, padding, dilation, groups);
    return fusedProduct(x, ops, product, this.bias);
  }
}

/** weight [outChannels, kernelHeight, kernelWidth, inChannels / groups] */
export class Conv2d extends Convolution {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly [height: number, width: number],
    options: ConvOptions = {},
  ) {
    const [height, width] = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize;
    super([outChannels, height, width, perGroup(inChannels, options)], options);
  }

  /** [B, H, W, inChannels] → [B, H', W', outChannels] */
  forward(x: MxArray): MxArray {
    return this.withBias(mx.conv2d(x, this.weight, this.stride, this.padding, this.dilation, this.groups));
  }
}

/** weight [outChannels, kernelSize, inChannels / groups] */
export class ConvTranspose1d extends Convolution {
  readonly outputPadding: number;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    { outputPadding = 0, ...options }: ConvOptions & { outputPadding?: number } = {},
  ) {
    super([outChannels, kernelSize, perGroup(inChannels, options)], options);
    this.outputPadding = outputPadding;
  }

  /** [B, T, inChannels] → [B, (T - 1) stride - 2 padding + dilation (kernelSize - 1) + outputPadding + 1, outChannels] */
  forward(x: MxArray): MxArray {
    const { stride, padding, dilation, outputPadding, groups } = this;
    return this.withBias(
      mx.convTranspose1d(x, this.weight, stride, padding, dilation, outputPadding, groups),
    );
  }
}

function perGroup(inChannels: number, { groups = 1 }: ConvOptions): number {
  if (inChannels % groups !== 0)
    throw new RangeError(`${inChannels} channels do not divide into ${groups} groups`);
  return inChannels / groups;
}
