import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** Output and cell of a layer, [1, U] each. */
export interface LstmState {
  readonly output: MxArray;
  readonly cell: MxArray;
}

/** A layer in any form. */
export interface AnyLstm extends nn.Module {
  /** One step: x [1, inputs] and the state before it → the state after it. */
  step(x: MxArray, state: LstmState): LstmState;
}

/** One layer of a long short-term memory (Hochreiter and Schmidhuber, 1997). Gates in the order in, forget, cell, out. */
export class Lstm extends nn.Module implements AnyLstm {
  Wx: MxArray; // [4 U, inputs]
  Wh: MxArray; // [4 U, U]
  bias: MxArray; // [4 U]

  constructor(inputs: number, units: number) {
    super();
    this.Wx = nn.parameter([4 * units, inputs]);
    this.Wh = nn.parameter([4 * units, units]);
    this.bias = nn.parameter([4 * units]);
  }

  step(x: MxArray, { output, cell }: LstmState): LstmState {
    const own = mx.addmm(this.bias, x, mx.transpose(this.Wx));
    return lstmState(mx.addmm(own, output, mx.transpose(this.Wh)), cell);
  }
}

/** The state after a step: gates [1, 4 U] and the cell before it. */
export function lstmState(gates: MxArray, cell: MxArray): LstmState {
  const [into, forget, candidate, out] = mx.split(gates, 4, 1) as [MxArray, MxArray, MxArray, MxArray];
  const after = mx.add(
    mx.multiply(mx.sigmoid(forget), cell),
    mx.multiply(mx.sigmoid(into), mx.tanh(candidate)),
  );
  return { output: mx.multiply(mx.sigmoid(out), mx.tanh(after)), cell: after };
}
