/** Builds the graph for a GPU on the CPU with the same number of ops. Such a graph is counted, never run. */
import { jest } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';

/** Undone by `jest.restoreAllMocks`. */
export function buildAsOnGpu(): void {
  const like = (x: MxArray, ...others: (MxArray | null | undefined)[]): MxArray => {
    const given = others.filter((other) => other !== null && other !== undefined);
    return mx.depends([x], given)[0] ?? x;
  };
  jest.spyOn(mx, 'defaultDevice').mockReturnValue('gpu');
  jest.spyOn(mx.cpu, 'available').mockReturnValue(false);
  jest.spyOn(mx.fast, 'layerNorm').mockImplementation((x, weight, bias) => like(x, weight, bias));
  jest.spyOn(mx.fast, 'gelu').mockImplementation((x) => mx.negative(x));
  jest.spyOn(mx, 'dequantize').mockImplementation((_packed, scales, _biases, ...given: unknown[]) => {
    const groupSize = typeof given[0] === 'number' ? given[0] : 64;
    const shape = [...scales.shape.slice(0, -1), (scales.shape.at(-1) ?? 0) * groupSize];
    return mx.asStrided(scales, shape, shape.map(() => 0)); // prettier-ignore
  });
  jest.spyOn(mx.fast, 'scaledDotProductAttention').mockImplementation((q, k, v) => like(q, k, v));
}

/** How many ops evaluating `results` runs beyond those that make `weights`. */
export function opsBeyond(weights: readonly MxArray[], results: readonly MxArray[]): number {
  return mx.pendingOps(...weights, ...results).length - mx.pendingOps(...weights).length;
}
