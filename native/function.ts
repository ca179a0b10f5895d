/** Function transforms: compilation, differentiation, vectorization. */
import type { MxArray } from './contract.js';
import { binding } from './addon.js';
import { isArray } from './array-tree.js';

/** Arguments and results of a compiled function: an array, or lists and plain objects of arrays. */
export type ArrayTree = MxArray | readonly ArrayTree[] | { readonly [key: string]: ArrayTree };

export interface CompiledFunction<A extends readonly ArrayTree[], R extends ArrayTree> {
  (...args: A): R;
  /** Frees the compiled graph and the arrays that the function closed over. */
  dispose(): void;
  [Symbol.dispose](): void;
}

// Frees the graph of a compiled function that is collected without `dispose`.
const graphRegistry = new FinalizationRegistry<number>((id) => binding.disposeCompiled(id));

/**
 * Traces `fn` once per combination of input shapes and dtypes (ranks and dtypes if `shapeless`), then runs
 * the simplified and fused graph without calling `fn` again. `fn` must therefore be pure: values it reads
 * from outside, such as weights or numbers, are fixed by the trace, and it must not evaluate arrays. It
 * returns an array, or lists and plain objects of arrays, with the same structure in every trace. Arrays
 * created inside are freed.
 *
 * @throws whatever `fn` throws during the trace; the next call traces again
 * @example
 * const gelu = mx.compile((x: MxArray) => mx.multiply(x, mx.sigmoid(mx.multiply(x, 1.702))));
 * const y = gelu(x); // one fused kernel
 * gelu.dispose();
 */
export function compile<A extends readonly ArrayTree[], R extends ArrayTree>(
  fn: (...args: A) => R,
  { shapeless = false }: { shapeless?: boolean } = {},
): CompiledFunction<A, R> {
  // MLX sees only flat lists, so each argument structure is compiled separately.
  const variants = new Map<string, Variant>();
  const variantFor = (form: Form): Variant => {
    const key = JSON.stringify(form);
    let variant = variants.get(key);
    if (variant === undefined) {
      variant = compileVariant(fn, form, shapeless);
      variants.set(key, variant);
      graphRegistry.register(compiled, variant.id, compiled);
    }
    return variant;
  };
  const compiled = (...args: A): R => {
    const arrays: MxArray[] = [];
    const { id, traced } = variantFor(flattenTree(args, arrays));
    const results = binding.runCompiled(id, arrays);
    return unflattenTree(traced.result ?? [], results) as R;
  };
  const dispose = (): void => {
    graphRegistry.unregister(compiled);
    for (const { id } of variants.values()) binding.disposeCompiled(id);
    variants.clear();
  };
  return Object.assign(compiled, { dispose, [Symbol.dispose]: dispose });
}

interface Variant {
  id: number;
  /** Set by the first trace. */
  traced: { result?: Form };
}

// A separate function: the addon keeps the traced closure alive, which must not reference the compiled
// function.
function compileVariant<A extends readonly ArrayTree[]>(
  fn: (...args: A) => ArrayTree,
  form: Form,
  shapeless: boolean,
): Variant {
  const traced: { result?: Form } = {};
  const id = binding.compileFunction((arrays) => {
    const result: MxArray[] = [];
    const resultForm = flattenTree(fn(...(unflattenTree(form, arrays) as A)), result);
    if (traced.result !== undefined && JSON.stringify(traced.result) !== JSON.stringify(resultForm)) {
      throw new TypeError('compile: the function returned another form of result than at its first trace');
    }
    traced.result = resultForm;
    return result;
  }, shapeless);
  return { id, traced };
}

/** Structure of a tree: 0 for an array, a list of forms, or pairs of key and form. */
type Form = 0 | Form[] | { keys: [string, Form][] };

/** Appends a tree's arrays to `into`. @returns the tree's form */
function flattenTree(tree: unknown, into: MxArray[]): Form {
  if (isArray(tree)) {
    into.push(tree);
    return 0;
  }
  if (Array.isArray(tree)) return tree.map((item) => flattenTree(item, into));
  if (typeof tree === 'object' && tree !== null) {
    return { keys: Object.entries(tree).map(([key, item]) => [key, flattenTree(item, into)]) };
  }
  throw new TypeError(`compile: arguments and results must be arrays or trees of them, not ${typeof tree}`);
}

/** Rebuilds a tree from its form and its arrays in order. */
function unflattenTree(form: Form, arrays: MxArray[]): unknown {
  const queue = [...arrays];
  const build = (part: Form): unknown => {
    if (part === 0) return queue.shift();
    if (Array.isArray(part)) return part.map(build);
    return Object.fromEntries(part.keys.map(([key, item]) => [key, build(item)]));
  };
  return build(form);
}

type ArrayFunction = (...arrays: MxArray[]) => MxArray | MxArray[];

const returningList =
  (fn: ArrayFunction) =>
  (arrays: MxArray[]): MxArray[] => {
    const result = fn(...arrays);
    return Array.isArray(result) ? result : [result];
  };

/**
 * @returns a function that gives [value, gradients with respect to the numbered arguments]; `fn` returns a
 * scalar array
 */
export function valueAndGrad(
  fn: (...arrays: MxArray[]) => MxArray,
  argnums: number | readonly number[] = 0,
): (...arrays: MxArray[]) => [value: MxArray, grads: MxArray[]] {
  const which = typeof argnums === 'number' ? [argnums] : argnums;
  return (...arrays) => {
    const [[value], grads] = binding.valueAndGradOf(returningList(fn), which, arrays);
    if (value === undefined) throw new TypeError('valueAndGrad: the function returned nothing');
    return [value, grads];
  };
}

/** @returns a function that gives the gradients of the scalar `fn` with respect to the numbered arguments */
export function grad(
  fn: (...arrays: MxArray[]) => MxArray,
  argnums: number | readonly number[] = 0,
): (...arrays: MxArray[]) => MxArray[] {
  const both = valueAndGrad(fn, argnums);
  return (...arrays) => {
    const [value, grads] = both(...arrays);
    value.dispose();
    return grads;
  };
}

/** [outputs, cotangents · Jacobian]. */
export function vjp(fn: ArrayFunction, primals: MxArray[], cotangents: MxArray[]): [MxArray[], MxArray[]] {
  return binding.vjpOf(returningList(fn), primals, cotangents);
}

/** [outputs, Jacobian · tangents]. */
export function jvp(fn: ArrayFunction, primals: MxArray[], tangents: MxArray[]): [MxArray[], MxArray[]] {
  return binding.jvpOf(returningList(fn), primals, tangents);
}

/**
 * Maps `fn` over an axis of each argument (default 0; null for an argument that is not mapped) and stacks the
 * results along an axis (0).
 */
export function vmap<R extends MxArray | MxArray[]>(
  fn: (...arrays: MxArray[]) => R,
  inAxes: number | readonly (number | null)[] = 0,
  outAxes: number | readonly number[] = 0,
): (...arrays: MxArray[]) => R {
  // MLX reads an empty list as axis 0 for every output.
  const outs = typeof outAxes === 'number' ? (outAxes === 0 ? [] : [outAxes]) : outAxes;
  return (...arrays) => {
    let single = true;
    const traced = (inner: MxArray[]): MxArray[] => {
      const result: MxArray | MxArray[] = fn(...inner);
      single = !Array.isArray(result);
      return Array.isArray(result) ? result : [result];
    };
    const ins = typeof inAxes === 'number' ? arrays.map(() => inAxes) : inAxes.map((axis) => axis ?? -1);
    const results = binding.vmapOf(traced, ins, outs, arrays);
    return (single ? results[0] : results) as R;
  };
}
