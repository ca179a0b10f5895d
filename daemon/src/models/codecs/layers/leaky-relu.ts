import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** Leaky ReLU as a layer, so that the places of the others are those of the checkpoint. */
export class LeakyRelu extends nn.Module {
  constructor(readonly slope: number) {
    super();
  }

  forward(x: MxArray): MxArray {
    return nn.leakyRelu(x, this.slope);
  }

  stream(x: MxArray): MxArray {
    return this.forward(x);
  }
}
