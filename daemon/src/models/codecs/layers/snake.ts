/** Periodic activations (Ziyin et al., arXiv 2006.08195), always in float32: their square of a sine loses half of the digits. */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

const MIN_DIVISOR = 1e-9;

/** x + sin²(α x) / (α + 1e-9) for each channel. */
export class Snake extends nn.Module {
  alpha: MxArray; // [1, 1, C]

  constructor(channels: number) {
    super();
    this.alpha = nn.parameter([1, 1, channels], 'float32', 1);
  }

  override toDtype(): this {
    return this;
  }

  /** [B, T, C] → [B, T, C], of the same dtype */
  forward(x: MxArray): MxArray {
    return snake(x, ...this.values());
  }

  /** α twice, as `snake` takes it. */
  values(): readonly [alpha: MxArray, beta: MxArray] {
    const alpha = mx.astype(this.alpha, 'float32');
    return [alpha, alpha];
  }
}

/** α and β of BigVGAN, logarithms of what `snake` takes if its config says so. Without β it is α. */
export class SnakeBeta extends nn.Module {
  alpha: MxArray; // [C]
  beta: MxArray | null; // [C]
  readonly isLog: boolean;

  constructor(channels: number, { hasBeta, isLog }: { readonly hasBeta: boolean; readonly isLog: boolean }) {
    super();
    this.alpha = nn.parameter([channels]);
    this.beta = hasBeta ? nn.parameter([channels]) : null;
    this.isLog = isLog;
  }

  override toDtype(): this {
    return this;
  }

  /** [B, T, C] → [B, T, C], of the same dtype */
  forward(x: MxArray): MxArray {
    return snake(x, ...this.values());
  }

  /** α and β as `snake` takes them. */
  values(): readonly [alpha: MxArray, beta: MxArray] {
    return [this.#value(this.alpha), this.#value(this.beta ?? this.alpha)];
  }

  #value(stored: MxArray): MxArray {
    const value = mx.astype(stored, 'float32');
    return this.isLog ? mx.exp(value) : value;
  }
}

/** x + sin²(α x) / (β + 1e-9): x [B, T, C]; α and β float32, [C] or [1, 1, C] */
export function snake(x: MxArray, alpha: MxArray, beta: MxArray): MxArray {
  const dtype: Dtype = x.dtype;
  const wide = mx.astype(x, 'float32');
  const wave = mx.square(mx.sin(mx.multiply(wide, alpha)));
  return mx.astype(mx.add(wide, mx.multiply(wave, mx.reciprocal(mx.add(beta, MIN_DIVISOR)))), dtype);
}
