import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** x, or e^x - 1 below 0 (arXiv 1511.07289). */
export function elu(x: MxArray): MxArray {
  return mx.add(mx.maximum(x, 0), mx.expm1(mx.minimum(x, 0)));
}

/** As a layer, so that the places of the others are those of the checkpoint. */
export class Elu extends nn.Module {
  forward(x: MxArray): MxArray {
    return elu(x);
  }

  stream(x: MxArray): MxArray {
    return elu(x);
  }
}
