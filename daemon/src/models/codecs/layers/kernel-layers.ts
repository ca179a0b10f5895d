/** Layers of codecs and vocoders with our CPU kernels: one pass over a signal where MLX’s ops need ten or more. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { AntiAliased } from './anti-alias.js';
import { LOW_PASS } from './anti-alias.js';
import type { Snake, SnakeBeta } from './snake.js';

/** Of a `Snake` or `SnakeBeta`, with the values that it computes with. */
export class KernelSnake extends nn.Module {
  alpha: MxArray; // [C]
  beta: MxArray; // [C]

  /** Takes over the weights. */
  constructor(snake: Snake | SnakeBeta) {
    super();
    [this.alpha, this.beta] = mx.tidy(() => {
      const [alpha, beta] = snake.values();
      return [alpha, beta].map((value) => mx.keep(mx.contiguous(mx.reshape(value, [-1])))) as [
        MxArray,
        MxArray,
      ];
    });
    snake.dispose();
  }

  override toDtype(): this {
    return this;
  }

  /** [B, T, C] → [B, T, C] float32 */
  forward(x: MxArray): MxArray {
    return mx.cpu.snake(x, this.alpha, this.beta);
  }
}

export class KernelAntiAliased extends nn.Module {
  act: KernelSnake;
  taps: MxArray; // [12]

  /** Takes over the weights. */
  constructor({ act }: AntiAliased) {
    super();
    this.act = new KernelSnake(act);
    this.taps = mx.keep(mx.array([...LOW_PASS]));
  }

  /** [B, T, C] → [B, T, C] float32 */
  forward(x: MxArray): MxArray {
    return mx.cpu.antiAliasedSnake(x, this.act.alpha, this.act.beta, this.taps);
  }
}

/** A convolution of each channel with its own kernel. */
export class KernelDepthwise extends nn.Module {
  weight: MxArray; // [K, C]
  bias: MxArray; // [C]
  readonly dilation: number;

  /** Takes over the weights. */
  constructor({ weight, bias, dilation }: nn.Conv1d) {
    super();
    const [channels = 0, kernelSize = 0] = weight.shape;
    const matrix = (): MxArray => mx.contiguous(mx.transpose(mx.reshape(weight, [channels, kernelSize])));
    this.weight = mx.keep(mx.tidy(matrix));
    this.bias = bias ?? mx.keep(mx.zeros([channels]));
    this.dilation = dilation;
    weight.dispose();
  }

  static canReplace({ weight, stride, groups, dilation, padding }: nn.Conv1d): boolean {
    const [channels = 0, kernelSize = 0] = weight.shape;
    return (
      groups > 1 &&
      groups === channels &&
      weight.shape[2] === 1 &&
      stride === 1 &&
      kernelSize % 2 === 1 &&
      padding === ((kernelSize - 1) / 2) * dilation
    );
  }

  /** [B, T, C] → [B, T, C] float32 */
  forward(x: MxArray): MxArray {
    return mx.cpu.dilatedDepthwise(x, this.weight, this.bias, { dilation: this.dilation });
  }
}
