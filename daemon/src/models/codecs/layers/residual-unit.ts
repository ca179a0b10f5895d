/** Blocks of DAC and SNAC: convolutions between snakes, and the samples that they halve or double. */
import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { Snake } from './snake.js';
import { Upsample } from './upsample.js';

/** A module that maps [B, T, C] to [B, T', C']. */
export type Layer = nn.Module & { forward(x: MxArray): MxArray };

const KERNEL = 7;
const DILATIONS = [1, 3, 9];

/** Snake, dilated convolution, snake, mixing of the channels; added to the input. */
export class ResidualUnit extends nn.Module {
  block: [Layer, Layer, Layer, nn.AnyConv1d];

  /** @param groups of the dilated convolution: 1, or all channels */
  constructor(channels: number, dilation: number, groups = 1) {
    super();
    this.block = [
      new Snake(channels),
      new nn.Conv1d(channels, channels, KERNEL, { dilation, padding: 3 * dilation, groups }),
      new Snake(channels),
      new nn.Conv1d(channels, channels, 1),
    ];
  }

  /** [B, T, C] → [B, T, C] */
  forward(x: MxArray): MxArray {
    const [first, dilated, second, mixing] = this.block;
    return mixing.fused(forwardAll([first, dilated, second], x), { residual: x });
  }
}

/** Three units whose reach grows. */
export const residualUnits = (channels: number, groups = 1): ResidualUnit[] =>
  DILATIONS.map((dilation) => new ResidualUnit(channels, dilation, groups));

export class SnakeEncoderBlock extends nn.Module {
  block: Layer[];

  constructor(inputs: number, outputs: number, stride: number, groups = 1) {
    super();
    this.block = [
      ...residualUnits(inputs, groups),
      new Snake(inputs),
      new nn.Conv1d(inputs, outputs, 2 * stride, { stride, padding: Math.ceil(stride / 2) }),
    ];
  }

  /** [B, T, inputs] → [B, ⌊T / stride⌋, outputs] */
  forward(x: MxArray): MxArray {
    return forwardAll(this.block, x);
  }
}

/** T frames give T · stride; without `isComplete` one less for an odd stride, as the checkpoints of DAC were trained. */
export function upsampling(inputs: number, outputs: number, stride: number, isComplete: boolean): Upsample {
  const padding = Math.ceil(stride / 2);
  const trim = [padding, isComplete ? stride - padding : padding] as const;
  return new Upsample(inputs, outputs, 2 * stride, { stride, trim });
}

/**
 * The steps of blocks, one for each layer: MLX allocates all results of a step at once, so long steps would need a multiple of
 * the memory.
 */
export function layerSteps(layers: readonly Layer[]): ((x: MxArray) => MxArray)[] {
  return layers.flatMap((layer) =>
    layer instanceof SnakeEncoderBlock ? layerSteps(layer.block) : [(x: MxArray) => layer.forward(x)],
  );
}

export function forwardAll(layers: readonly Layer[], x: MxArray): MxArray {
  return layers.reduce((input, layer) => layer.forward(input), x);
}
