/** Freeing arrays when they are done with, not when V8 gets round to it. */
import type { MxArray } from './contract.js';
import { binding } from './addon.js';
import { arraysIn, type Tree } from './array-tree.js';

/**
 * Runs `fn` and frees every array made inside, except those in what it returns (an array, or plain objects, lists, Maps
 * and Sets of arrays), which the surrounding scope takes over. Scopes nest. Arrays made outside are left alone.
 *
 * `fn` is synchronous: a promise is a TypeError, since scopes of interleaved tasks would free each other's arrays.
 * When it throws, everything made inside is freed.
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

/** Takes the arrays of a tree out of every scope: they live until disposed. For weights and caches. @returns the tree */
export function keep<T extends Tree>(tree: T): T {
  for (const array of arraysIn(tree)) if (!array.disposed) binding.keep(array);
  return tree;
}

/** Frees all arrays of the trees now. Freeing twice is fine. */
export function dispose(...trees: Tree[]): void {
  binding.dispose(arraysIn(trees));
}
