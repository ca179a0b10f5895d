/** Functions of arrays as values: compiled, differentiated, vectorized. */
import type { MxArray } from './contract.js';
import { binding } from './addon.js';
import { isArray } from './array-tree.js';

/** What a compiled function takes and gives: an array, or lists and plain objects of such. */
export type ArrayTree = MxArray | readonly ArrayTree[] | { readonly [key: string]: ArrayTree };

export interface CompiledFunction<A extends readonly ArrayTree[], R extends ArrayTree> {
  (...args: A): R;
  /** Lets go of the compiled graph and of the arrays that the function closed over. */
  dispose(): void;
  [Symbol.dispose](): void;
}

// A compiled function that is dropped without `dispose` frees its graph when it is collected.
const graphRegistry = new FinalizationRegistry<number>((id) => binding.disposeCompiled(id));

/**
 * Traces `fn` once for each combination of input shapes and dtypes (only dtypes and ranks when `shapeless`) and then
 * runs the traced, simplified and fused graph without calling `fn` again. So `fn` must be pure: values that it reads
 * from elsewhere, such as weights or numbers, are fixed at the trace, and it must not evaluate arrays. It may return an
 * array or lists and plain objects of arrays, of the same form at every trace. Arrays made inside are freed.
 *
 * @throws what `fn` throws while it is traced; the next call traces again
 */
export function compile<A extends readonly ArrayTree[], R extends ArrayTree>(
  fn: (...args: A) => R,
  { shapeless = false }: { shapeless?: boolean } = {},
): CompiledFunction<A, R> {
  // Calls with arguments of another form are other functions to MLX, which sees only flat lists.
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
  /** Filled in by the first trace. */
  traced: { result?: Form };
}

// On its own, so that the addon, which holds on to the traced function, does not thereby hold the compiled one.
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

/** The form of a tree: 0 for an array, a list of forms, or pairs of key and form. */
type Form = 0 | Form[] | { keys: [string, Form][] };

/** Appends a tree's arrays to `into`. @returns its form */
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

/** The tree of a form with these arrays, which are used up from the front. */
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

/** A function that gives [value, gradients by the arguments numbered]; `fn` returns a scalar array. */
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

/** A function that gives the gradients of `fn`, a scalar, by the arguments numbered. */
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
 * `fn` over an axis of its arguments (all 0; null for one that is the same each time), the results stacked along an
 * axis (0).
 */
export function vmap<R extends MxArray | MxArray[]>(
  fn: (...arrays: MxArray[]) => R,
  inAxes: number | readonly (number | null)[] = 0,
  outAxes: number | readonly number[] = 0,
): (...arrays: MxArray[]) => R {
  // No axes at all is MLX's way to say 0 for every output, however many there are.
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
