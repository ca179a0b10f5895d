/** The LSTM op of voice activity detection, compared with plain loops in float64. */
import { expect, test } from '@jest/globals';
import { mx } from '#native/index.js';

mx.setDefaultDevice('cpu');

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function plain(gates: Float32Array, wh: Float32Array, state: Float32Array, units: number) {
  let hidden = Array.from(state.subarray(0, units));
  const cell = Array.from(state.subarray(units));
  const outputs: number[] = [];
  for (let at = 0; at < gates.length; at += 4 * units) {
    const sum = (gate: number, unit: number): number => {
      const row = gate * units + unit;
      return hidden.reduce((total, h, i) => total + h * (wh[row * units + i] ?? NaN), gates[at + row] ?? NaN);
    };
    hidden = hidden.map((_, unit) => {
      const kept = sigmoid(sum(1, unit)) * (cell[unit] ?? NaN);
      cell[unit] = kept + sigmoid(sum(0, unit)) * Math.tanh(sum(2, unit));
      return sigmoid(sum(3, unit)) * Math.tanh(cell[unit] ?? NaN);
    });
    outputs.push(...hidden);
  }
  return { outputs, state: [...hidden, ...cell] };
}

function close(actual: Float32Array, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  const worst = expected.reduce((largest, x, i) => Math.max(largest, Math.abs(x - (actual[i] ?? NaN))), 0);
  expect(worst).toBeLessThan(1e-4);
}

test.each([
  [16, 1],
  [16, 7],
  [128, 40],
])('%d units over %d steps agree with float64, and the state carries over', (units, steps) => {
  mx.tidy(() => {
    const random = (shape: number[], scale: number) => mx.multiply(mx.random.normal(shape), scale);
    const [gates, wh, state] = [
      random([steps, 4 * units], 1),
      random([4 * units, units], 0.2),
      random([2, units], 0.5),
    ];
    const [g, w, s] = [gates, wh, state].map((x) => x.toTypedArray('float32')) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const panels = mx.cpu.panels(wh);
    const [outputs, after] = mx.cpu.lstm(gates, panels, state);
    const expected = plain(g, w, s, units);
    close(outputs.toTypedArray('float32'), expected.outputs);
    close(after.toTypedArray('float32'), expected.state);
    // Two calls give the same result.
    const half = Math.ceil(steps / 2);
    const [, between] = mx.cpu.lstm(mx.slice(gates, [0, 0], [half, 4 * units]), panels, state);
    if (half < steps) {
      const [, end] = mx.cpu.lstm(mx.slice(gates, [half, 0], [steps, 4 * units]), panels, between);
      expect(end.toTypedArray('float32')).toEqual(after.toTypedArray('float32'));
    }
  });
});

test('rejects invalid shapes and dtypes', () => {
  mx.tidy(() => {
    const panels = mx.cpu.panels(mx.zeros([64, 16]));
    expect(() => mx.cpu.lstm(mx.zeros([3, 60]), panels, mx.zeros([2, 16]))).toThrow(/lstm/);
    expect(() => mx.cpu.lstm(mx.zeros([3, 64]), panels, mx.zeros([1, 16]))).toThrow(/lstm/);
    expect(() => mx.cpu.lstm(mx.zeros([3, 64], 'float16'), panels, mx.zeros([2, 16]))).toThrow(/lstm/);
  });
});
