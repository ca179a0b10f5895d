/** The blocks of Vocos in fewer ops, for `nn.fuse`: the factor of a block is part of its last product. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { fusedCodecLayers } from '../layers/fused-layers.js';
import { ConvNeXtBlock } from './vocos-network.js';

/** For `nn.fuse`. */
export const fusedVocos: nn.Fusion = (module) =>
  module instanceof ConvNeXtBlock && !(module instanceof FusedBlock)
    ? nn.retyped(module, FusedBlock).fold()
    : fusedCodecLayers(module);

class FusedBlock extends ConvNeXtBlock {
  /** Multiplies the last product by the factor, which is 1 from now on. */
  fold(): this {
    const { pwconv2: last, gamma } = this;
    if (!(last instanceof nn.Linear && last.bias))
      throw new RangeError('the last product is not a plain one');
    const folded = mx.tidy(() => ({
      weight: mx.contiguous(mx.multiply(last.weight, mx.expandDims(gamma, 1))),
      bias: mx.multiply(last.bias ?? gamma, gamma),
    }));
    last.loadWeights(folded);
    gamma.dispose();
    this.gamma = mx.keep(mx.ones([1]));
    return this;
  }

  override forward(x: MxArray, id: number): MxArray {
    return this.pwconv2.fused(this.expanded(x, id), { residual: x });
  }
}
