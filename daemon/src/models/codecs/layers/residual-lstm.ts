/** Layers of a long short-term memory over time (Hochreiter and Schmidhuber, 1997), with PyTorch’s weights. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from './chunk-pass.js';

/** Gates in the order in, forget, cell, out. */
export class LstmLayer extends nn.Module {
  weight_ih: MxArray; // [4 U, inputs]
  weight_hh: MxArray; // [4 U, U]
  bias_ih: MxArray; // [4 U]
  bias_hh: MxArray; // [4 U]

  constructor(inputs: number, units: number) {
    super();
    this.weight_ih = nn.parameter([4 * units, inputs]);
    this.weight_hh = nn.parameter([4 * units, units]);
    this.bias_ih = nn.parameter([4 * units]);
    this.bias_hh = nn.parameter([4 * units]);
  }

  get units(): number {
    return this.weight_hh.shape[1] ?? 0;
  }

  /** x [B, T, inputs], state [B, 2, U]: output and cell → outputs [B, T, U] and the state after them */
  run(x: MxArray, state: MxArray): readonly [outputs: MxArray, state: MxArray] {
    const bias = mx.add(this.bias_ih, this.bias_hh);
    const gates = mx.unstack(mx.addmm(bias, x, mx.transpose(this.weight_ih)), { axis: 1 });
    const recurrent = mx.transpose(this.weight_hh);
    let [output, cell] = mx.unstack(state, { axis: 1 }) as [MxArray, MxArray];
    const outputs = gates.map((own) => {
      const [into, forget, candidate, out] = mx.split(mx.addmm(own, output, recurrent), 4, 1) as [
        MxArray,
        MxArray,
        MxArray,
        MxArray,
      ];
      cell = mx.add(mx.multiply(mx.sigmoid(forget), cell), mx.multiply(mx.sigmoid(into), mx.tanh(candidate)));
      output = mx.multiply(mx.sigmoid(out), mx.tanh(cell));
      return output;
    });
    return [mx.stack(outputs, 1), mx.stack([output, cell], 1)];
  }
}

/** The same with the CPU kernel, which every platform has: a step is too small for a GPU. */
export class KernelLstmLayer extends nn.Module {
  input: nn.AnyLinear; // with both biases
  panels: MxArray; // weight_hh, [4 U / 16, U, 16] float32
  readonly units: number;

  /** Takes over the weights of `layer`. */
  constructor({ weight_ih: own, weight_hh: recurrent, bias_ih: first, bias_hh: second, units }: LstmLayer) {
    super();
    this.units = units;
    this.input = new nn.Linear(own.shape[1] ?? 0, 4 * units);
    this.input.loadWeights({ weight: own, bias: mx.tidy(() => mx.add(first, second)) });
    this.panels = mx.keep(
      mx.tidy(() => mx.cpu.panels(mx.astype(recurrent, 'float32'), 0, { stream: 'cpu' })),
    );
    mx.dispose([recurrent, first, second]);
  }

  static canReplace({ units }: LstmLayer): boolean {
    return mx.cpu.lstmAvailable() && units % 16 === 0;
  }

  /** The kernel computes in float32 only. */
  override toDtype(): this {
    return this;
  }

  /** As `LstmLayer.run`. */
  run(x: MxArray, state: MxArray): readonly [outputs: MxArray, state: MxArray] {
    const gates = mx.unstack(this.input.forward(x));
    const rows = mx.unstack(state).map((own, i) => {
      const steps = gates[i];
      if (steps === undefined) throw new RangeError('the state has another batch than the input');
      return mx.cpu.lstm(steps, this.panels, own, { stream: 'cpu' });
    });
    return [mx.stack(rows.map(([outputs]) => outputs)), mx.stack(rows.map(([, after]) => after))];
  }
}

/** Stacked layers whose input is added to their output. */
export class ResidualLstm extends nn.Module {
  lstm: (LstmLayer | KernelLstmLayer)[];

  constructor(dims: number, layers: number) {
    super();
    this.lstm = Array.from({ length: layers }, () => new LstmLayer(dims, dims));
  }

  /** [B, T, dims] → [B, T, dims] */
  forward(x: MxArray): MxArray {
    let y = x;
    for (const layer of this.lstm) [y] = layer.run(y, zeroState(x, layer.units));
    return mx.add(x, y);
  }

  /** A chunk of a stream, as `forward` computes it in the whole signal. */
  stream(x: MxArray, pass: ChunkPass): MxArray {
    let y = x;
    for (const layer of this.lstm) {
      const input = y;
      y = pass.exchange((before) => layer.run(input, before ?? zeroState(input, layer.units)));
    }
    return mx.add(x, y);
  }
}

function zeroState(x: MxArray, units: number): MxArray {
  return mx.zeros([x.shape[0] ?? 0, 2, units]);
}
