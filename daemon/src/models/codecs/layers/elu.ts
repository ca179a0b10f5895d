import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** ELU as a layer, so that the places of the others are those of the checkpoint. */
export class Elu extends nn.Module {
  forward(x: MxArray): MxArray {
    return nn.elu(x);
  }

  stream(x: MxArray): MxArray {
    return nn.elu(x);
  }
}
