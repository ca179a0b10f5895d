/**
 * The device of the tests: `SOTTO_TEST_DEVICE=cpu|gpu`, the CPU by default, also on a Mac. Child processes use the same
 * one.
 */
import type { Missing } from './skipping.js';

type TestDevice = 'cpu' | 'gpu';

/** @throws Error for any other value */
export function deviceFrom(requested: string | undefined): TestDevice {
  if (requested === undefined || requested === '') return 'cpu';
  if (requested !== 'cpu' && requested !== 'gpu')
    throw new Error(`SOTTO_TEST_DEVICE is ${JSON.stringify(requested)}: set it to cpu or gpu, or unset it`);
  return requested;
}

export const testDevice = deviceFrom(process.env.SOTTO_TEST_DEVICE);

/** CPU-only kernels: `test/native/cpu-….test.js`. */
export function deviceOf(testPath: string, requested: TestDevice = testDevice): TestDevice {
  return /[\\/]native[\\/]cpu-[^\\/]+$/.test(testPath) ? 'cpu' : requested;
}

export const noFloat64: Missing = testDevice === 'gpu' ? 'a GPU: it computes no float64' : undefined;

/** A GPU sums in another order, and its matrix units round products. */
const ON_GPU = 2e-3;

/** The tolerance of a float32 result. @param onCpu the tolerance on a CPU */
export function tolerance(onCpu: number, device: TestDevice = testDevice): number {
  return device === 'gpu' && onCpu > 0 ? Math.max(onCpu, ON_GPU) : onCpu;
}
