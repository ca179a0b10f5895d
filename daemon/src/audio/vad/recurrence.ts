/**
 * The recurrent part of Silero VAD: an LSTM cell of 128 units and a weighted sum of its output. 65,536 multiplications
 * per frame are too few for a device: as a dozen MLX ops per step they take three times as long as these loops, and a
 * compiled step takes even longer (figures in ../NOTES.md). A CPU kernel computes all frames ten times as fast; it also
 * runs on the CPU of a Mac, while its JavaScript thread feeds the GPU.
 */
import { mx, type MxArray } from '#native/index.js';

import { GATES, UNITS } from './silero-network.js';

/** LSTM and output weights, in the order in which the loops read them. */
export class Recurrence {
  /** `[unit / 2, input, 2 units · 4 gates]`: the weights of an input for two units are adjacent. */
  readonly #weights: Float32Array;
  readonly #output: Float32Array;
  readonly #bias: number;
  /** The same weights for the CPU kernel, if it is available. */
  readonly #panels: MxArray | undefined;

  /** Wh `[4 · 128, 128]`, one gate after another; weight and bias of the output, `[128]` and `[1]`. */
  constructor(wh: Float32Array, outputWeight: Float32Array, outputBias: Float32Array) {
    this.#weights = new Float32Array(wh.length);
    for (let unit = 0; unit < UNITS; unit++) {
      for (let input = 0; input < UNITS; input++) {
        for (let gate = 0; gate < GATES; gate++) {
          const index = ((unit >> 1) * UNITS + input) * 2 * GATES + (unit & 1) * GATES + gate;
          this.#weights[index] = wh[(gate * UNITS + unit) * UNITS + input] ?? NaN;
        }
      }
    }
    this.#panels = mx.cpu.lstmAvailable()
      ? mx.keep(mx.tidy(() => mx.cpu.panels(mx.array(wh, [GATES * UNITS, UNITS]))))
      : undefined;
    this.#output = outputWeight;
    this.#bias = outputBias[0] ?? NaN;
  }

  /** Returns the probability of each frame and updates `state`. `gates` `[frames, 4 · 128]` is each frame's own input. */
  run(gates: MxArray, state: RecurrentState): Float32Array {
    const outputs = this.#panels ? this.#native(gates, this.#panels, state) : this.#plain(gates, state);
    const probabilities = new Float32Array(outputs.length / UNITS);
    for (let frame = 0; frame < probabilities.length; frame++) {
      let sum = this.#bias;
      const at = frame * UNITS;
      for (let unit = 0; unit < UNITS; unit++) {
        sum += this.#output[unit]! * Math.max(0, outputs[at + unit]!);
      }
      probabilities[frame] = sigmoid(sum);
    }
    return probabilities;
  }

  dispose(): void {
    this.#panels?.dispose();
  }

  /** Outputs of all frames, `[frames · 128]`. */
  #native(gates: MxArray, panels: MxArray, state: RecurrentState): Float32Array {
    return mx.tidy(() => {
      const stateBefore = mx.array(Float32Array.from([...state.hidden, ...state.cell]), [2, UNITS]);
      const [outputs, stateAfter] = mx.cpu.lstm(gates, panels, stateBefore);
      const all = outputs.toTypedArray('float32');
      const [hidden, cell] = [0, UNITS].map((from) =>
        stateAfter.toTypedArray('float32').subarray(from, from + UNITS),
      );
      if (hidden) state.hidden.set(hidden);
      if (cell) state.cell.set(cell);
      return all;
    });
  }

  #plain(gates: MxArray, state: RecurrentState): Float64Array {
    const inputs = gates.toTypedArray('float32');
    const outputs = new Float64Array(inputs.length / GATES);
    for (let frame = 0; frame < outputs.length / UNITS; frame++) {
      this.#step(inputs, frame * GATES * UNITS, state);
      outputs.set(state.hidden, frame * UNITS);
    }
    return outputs;
  }

  #step(gates: Float32Array, offset: number, state: RecurrentState): void {
    const { hidden, cell, next } = state;
    const weights = this.#weights;
    let index = 0;
    for (let unit = 0; unit < UNITS; unit += 2) {
      // Eight sums at once, so that no addition waits for the previous one of the same sum.
      const at = offset + unit;
      let i0 = gates[at]!;
      let f0 = gates[at + UNITS]!;
      let g0 = gates[at + 2 * UNITS]!;
      let o0 = gates[at + 3 * UNITS]!;
      let i1 = gates[at + 1]!;
      let f1 = gates[at + UNITS + 1]!;
      let g1 = gates[at + 2 * UNITS + 1]!;
      let o1 = gates[at + 3 * UNITS + 1]!;
      for (let input = 0; input < UNITS; input++, index += 8) {
        const h = hidden[input]!;
        i0 += weights[index]! * h;
        f0 += weights[index + 1]! * h;
        g0 += weights[index + 2]! * h;
        o0 += weights[index + 3]! * h;
        i1 += weights[index + 4]! * h;
        f1 += weights[index + 5]! * h;
        g1 += weights[index + 6]! * h;
        o1 += weights[index + 7]! * h;
      }
      cell[unit] = sigmoid(f0) * cell[unit]! + sigmoid(i0) * Math.tanh(g0);
      cell[unit + 1] = sigmoid(f1) * cell[unit + 1]! + sigmoid(i1) * Math.tanh(g1);
      next[unit] = sigmoid(o0) * Math.tanh(cell[unit]!);
      next[unit + 1] = sigmoid(o1) * Math.tanh(cell[unit + 1]!);
    }
    state.hidden = next;
    state.next = hidden;
  }
}

/** Recurrent state of one stream. */
export class RecurrentState {
  hidden = new Float64Array(UNITS);
  cell = new Float64Array(UNITS);
  /** Buffer for the next hidden values while the old ones are still needed. */
  next = new Float64Array(UNITS);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
