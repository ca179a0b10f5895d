/** Nested structures that `eval`, `dispose` and `tidy` search for arrays. */
import type { MxArray } from './contract.js';
import { binding } from './addon.js';

/** An array, or a plain object, list, Map or Set of trees. Other leaves are ignored. */
export type Tree = unknown;

const { MxArray: ArrayClass } = binding;

export function isArray(value: unknown): value is MxArray {
  return value instanceof ArrayClass;
}

/** The arrays in a tree, each once, in the tree's order. */
export function arraysIn(tree: Tree): MxArray[] {
  const found = new Set<MxArray>();
  const seen = new Set<object>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null || seen.has(node)) return;
    if (isArray(node)) {
      found.add(node);
      return;
    }
    seen.add(node);
    if (Array.isArray(node)) node.forEach(visit);
    else if (ArrayBuffer.isView(node)) return;
    else if (node instanceof Map) node.forEach(visit);
    else if (node instanceof Set) node.forEach(visit);
    else Object.values(node).forEach(visit);
  };
  visit(tree);
  return [...found];
}
