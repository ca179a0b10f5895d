/** The VAD recurrence without the other CPU kernels, as on a Mac. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { Recurrence, RecurrentState } from '#daemon/audio/vad/recurrence.js';
import { mx } from '#native/index.js';

mx.setDefaultDevice('cpu');
afterEach(() => {
  jest.restoreAllMocks();
});

const UNITS = 128;
const FRAMES = 30;
const drawn = (seed: number, shape: number[], scale: number): Float32Array =>
  mx.tidy(() => mx.random.normal(shape, 'float32', 0, scale, mx.random.key(seed)).toTypedArray('float32'));

function probabilities(): { values: Float32Array; state: RecurrentState } {
  const output = drawn(2, [UNITS], 0.3);
  const recurrence = new Recurrence(drawn(1, [4 * UNITS, UNITS], 0.1), output, Float32Array.of(0.1));
  const state = new RecurrentState();
  const gates = mx.array(drawn(3, [FRAMES, 4 * UNITS], 1), [FRAMES, 4 * UNITS]);
  const values = recurrence.run(gates, state);
  gates.dispose();
  recurrence.dispose();
  return { values, state };
}

test('runs as one op and matches the plain loops', () => {
  jest.spyOn(mx.cpu, 'available').mockReturnValue(false);
  const available = jest.spyOn(mx.cpu, 'lstmAvailable');
  const kernel = jest.spyOn(mx.cpu, 'lstm');
  available.mockReturnValue(true);
  const byKernel = probabilities();
  expect(kernel).toHaveBeenCalledTimes(1);
  available.mockReturnValue(false);
  const byLoops = probabilities();
  expect(kernel).toHaveBeenCalledTimes(1);
  expect(byKernel.values).toHaveLength(FRAMES);
  for (const [i, value] of byLoops.values.entries()) expect(byKernel.values[i]).toBeCloseTo(value, 5);
  for (const [i, value] of byLoops.state.cell.entries()) expect(byKernel.state.cell[i]).toBeCloseTo(value, 4);
});
