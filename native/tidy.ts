/** Scoped release of arrays, independent of V8's garbage collection. */
import type { MxArray } from './contract.js';
import { binding } from './addon.js';
import { arraysIn, type Tree } from './array-tree.js';

/**
 * Runs `fn` and frees every array created inside, except those in its result (an array, or plain objects,
 * lists, Maps and Sets of arrays), which move to the enclosing scope. Scopes nest. Arrays created outside are
 * untouched.
 *
 * `fn` must be synchronous: a promise is a TypeError, since scopes of interleaved tasks would free each
 * other's arrays. If `fn` throws, everything created inside is freed.
 *
 * @example const y = mx.tidy(() => mx.add(mx.multiply(x, 2), 1)); // the product is freed
 */
export function tidy<T>(fn: () => T): T {
  const depth = binding.scopeOpen();
  let survivors: MxArray[] = [];
  try {
    const result = fn();
    if (isThenable(result)) {
      throw Object.assign(
        new TypeError('tidy: the function must be synchronous, but it returned a promise'),
        {
          code: 'INVALID_ARGUMENT',
        },
      );
    }
    survivors = arraysIn(result);
    return result;
  } finally {
    binding.scopeClose(depth, survivors);
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * Removes the arrays of a tree from all scopes, so that they live until disposed: weights and caches.
 * @returns the tree
 */
export function keep<T extends Tree>(tree: T): T {
  for (const array of arraysIn(tree)) if (!array.disposed) binding.keep(array);
  return tree;
}

/** Frees all arrays of the trees now. Safe to call twice. */
export function dispose(...trees: Tree[]): void {
  binding.dispose(arraysIn(trees));
}
