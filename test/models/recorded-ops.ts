/** The ops of `mx` that a piece of work builds, for tests of the graph for a GPU. */
import { mx } from '#native/index.js';

export interface RecordedOp {
  readonly op: string;
  readonly dtype: string;
  readonly size: number;
}

/** Records the results of the ops of `mx` while `work` builds a graph, and counts what waits for the device. */
export function recorded<T>(work: () => T): { result: T; made: RecordedOp[]; reads: number } {
  const made: RecordedOp[] = [];
  let reads = 0;
  const undo: (() => void)[] = [];
  const { isArray } = mx;
  const watch = (namespace: object): void => {
    const table = namespace as Record<string, unknown>;
    for (const [op, original] of Object.entries(table)) {
      if (typeof original !== 'function' || ['tidy', 'keep', 'dispose', 'compile', 'MxArray', 'isArray', 'arraysIn'].includes(op)) continue; // prettier-ignore
      table[op] = (...args: unknown[]): unknown => {
        if (['eval', 'asyncEval', 'ready'].includes(op)) reads++;
        const result = (original as (...args: unknown[]) => unknown)(...args);
        for (const array of [result].flat()) {
          if (isArray(array)) made.push({ op, dtype: array.dtype, size: array.size });
        }
        return result;
      };
      undo.push(() => (table[op] = original));
    }
  };
  watch(mx);
  watch(mx.fast);
  const proto = mx.MxArray.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const method of ['item', 'toTypedArray']) {
    const original = proto[method];
    if (original === undefined) throw new Error(`arrays have no ${method}`);
    proto[method] = function (this: unknown, ...args) {
      reads++;
      return original.apply(this, args);
    };
    undo.push(() => (proto[method] = original));
  }
  try {
    return { result: work(), made, reads };
  } finally {
    for (const restore of undo) restore();
  }
}

export const floatsOf = (made: readonly RecordedOp[]): RecordedOp[] =>
  made.filter(({ dtype, size }) => size > 1 && /float/.test(dtype));
