import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { Lstm, lstmState, type AnyLstm, type LstmState } from './lstm.js';

/** For `nn.fuse`: recurrent layers in the layout of the CPU kernels. */
export const packedLstm: nn.Fusion = (module) =>
  module instanceof Lstm && nn.canPack() ? new PackedLstm(module) : undefined;

/** Computes in float32 from matrices of the stored dtype: a step reads them once, so their bytes are its cost. */
export class PackedLstm extends nn.Module implements AnyLstm {
  Wx: MxArray; // panels [4 U / 16, inputs, 16]
  Wh: MxArray; // panels [4 U / 16, U, 16]
  bias: MxArray; // [4 U] float32
  readonly gates: number;

  constructor({ Wx, Wh, bias }: Lstm) {
    super();
    this.gates = bias.shape[0] ?? 0;
    [this.Wx, this.Wh, this.bias] = mx.tidy(() => [
      mx.keep(mx.cpu.panels(Wx)),
      mx.keep(mx.cpu.panels(Wh)),
      mx.keep(mx.astype(bias, 'float32')),
    ]);
    mx.dispose([Wx, Wh, bias]);
  }

  /** The kernels read matrices of any stored dtype, so nothing is cast. */
  override toDtype(): this {
    return this;
  }

  step(x: MxArray, { output, cell }: LstmState): LstmState {
    const own = mx.cpu.linear(x, this.Wx, this.gates, { bias: this.bias });
    return lstmState(mx.cpu.linear(output, this.Wh, this.gates, { residual: own }), cell);
  }
}
