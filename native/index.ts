/**
 * MLX for Node: `mx` is the binding (native/contract.ts) plus helpers written in TypeScript.
 *
 * @example
 * import { mx } from 'sotto/native';
 * const y = mx.tidy(() => mx.softmax(mx.matmul(x, w), -1));
 * await mx.ready(y);
 * console.log(y.tolist());
 */
import { at } from './indexing.js';
import type { MxArray } from './contract.js';
import { binding } from './addon.js';
import { asyncEval, completedWaits, evaluate, ready, withStream } from './evaluation.js';
import { compile, grad, jvp, valueAndGrad, vjp, vmap } from './function.js';
import { dispose, keep, tidy } from './tidy.js';
import { arraysIn, isArray } from './array-tree.js';

if (typeof Symbol.dispose === 'symbol') {
  Object.defineProperty(binding.MxArray.prototype, Symbol.dispose, {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- stays a method
    value: binding.MxArray.prototype.dispose,
    configurable: true,
    writable: true,
  });
}
Object.defineProperty(binding.MxArray.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  // Node passes depth and options, which an op would reject.
  value(this: MxArray): string {
    return this.toString();
  },
  configurable: true,
  writable: true,
});

export const mx = {
  ...binding,
  eval: evaluate,
  asyncEval,
  ready,
  completedWaits,
  tidy,
  keep,
  dispose,
  at,
  isArray,
  arraysIn,
  compile,
  grad,
  valueAndGrad,
  vjp,
  jvp,
  vmap,
  withStream,
};

export { arraysIn, isArray } from './array-tree.js';
export type { ArrayTree, CompiledFunction } from './function.js';
export type { Index } from './indexing.js';
export type * from './contract.js';
