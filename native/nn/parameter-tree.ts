/** Conversion between nested records of arrays and flat dotted names (`blocks.0.attn.query.weight`). */
import { isArray, type ArrayTree, type MxArray } from '../index.js';

/** `{ a: [{ w }, { w }] }` becomes `a.0.w`, `a.1.w`, in field order. */
export function flatten(tree: ArrayTree, prefix = ''): Map<string, MxArray> {
  const flat = new Map<string, MxArray>();
  const visit = (node: ArrayTree, path: string): void => {
    if (isArray(node)) {
      flat.set(path, node);
      return;
    }
    for (const [key, child] of Object.entries(node)) visit(child, path === '' ? key : `${path}.${key}`);
  };
  visit(tree, prefix);
  return flat;
}

/**
 * The inverse of `flatten`. A level whose keys are exactly 0, 1, … n-1 becomes a list, any other a record.
 *
 * @throws Error if one name is both an array and the prefix of another name
 */
export function unflatten(flat: Iterable<readonly [string, MxArray]>): ArrayTree {
  type Branch = Map<string, MxArray | Branch>;
  const root: Branch = new Map();
  for (const [name, array] of flat) {
    const keys = name.split('.');
    const last = keys.pop() ?? '';
    let branch = root;
    for (const key of keys) {
      const next = branch.get(key) ?? new Map<string, MxArray | Branch>();
      if (!(next instanceof Map))
        throw new Error(`unflatten: "${name}" continues below an array named "${key}"`);
      branch.set(key, next);
      branch = next;
    }
    if (branch.has(last))
      throw new Error(`unflatten: "${name}" occurs twice or is the prefix of another name`);
    branch.set(last, array);
  }
  const build = (branch: Branch): ArrayTree => {
    const entries = [...branch].map(
      ([key, node]) => [key, node instanceof Map ? build(node) : node] as const,
    );
    const isList = entries.length > 0 && entries.every((_, index) => branch.has(String(index)));
    if (!isList) return Object.fromEntries(entries);
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, node]) => node);
  };
  return build(root);
}
