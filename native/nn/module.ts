/**
 * Base of all layers. A module's parameters are the arrays in its fields, in the fields of its submodules,
 * and so on. A parameter's name is its path: `encoder.blocks.0.attn.query.weight`. Fields are named as in
 * checkpoints, so loading needs no table of names.
 *
 * - A field that starts with `_` is a buffer: freed with the module, but neither named nor loaded.
 * - A list field may hold modules and arrays, named by their index.
 * - `null`, numbers, strings, functions and `#private` fields are ignored. Keep arrays out of `#private`
 *   fields: `dispose` cannot see them.
 */
import { isArray, mx, type Dtype, type MxArray } from '../index.js';
import { validateSafetensors } from '../safetensors/validate.js';
import { WeightsError, type MisshapedWeight } from './weights-error.js';

/** A place that holds an array or a module: a field, or an element of a list in a field. */
interface Slot {
  /** Relative to the module: `weight`, `blocks.0`. */
  readonly name: string;
  readonly value: MxArray | Module;
  set(value: MxArray | Module): void;
}

export type Weights = Readonly<Record<string, MxArray>> | ReadonlyMap<string, MxArray>;

export abstract class Module {
  /** All parameters by dotted name, in field order. Buffers are not included. */
  namedParameters(): Map<string, MxArray> {
    const found = new Map<string, MxArray>();
    for (const [name, slot] of parameterSlots(this)) found.set(name, slot.value);
    return found;
  }

  /** All parameters, for `mx.eval(...model.parameters())`. */
  parameters(): MxArray[] {
    return [...new Set(this.namedParameters().values())];
  }

  /** This module under the name '' and all its submodules, parents first. */
  namedModules(): Map<string, Module> {
    const found = new Map<string, Module>();
    const visit = (module: Module, name: string): void => {
      found.set(name, module);
      for (const slot of slotsOf(module)) {
        if (slot.value instanceof Module) visit(slot.value, join(name, slot.name));
      }
    };
    visit(this, '');
    return found;
  }

  /**
   * Replaces the parameters with those of `source`: arrays by name, or the path of a .safetensors file, whose
   * header is validated before MLX opens it. The module takes ownership of the arrays and frees those they
   * replace; dtypes are kept. Nothing is evaluated, and MLX reads a tensor's bytes on evaluation: call
   * `mx.eval(...model.parameters())` while the file is still in place.
   *
   * With `strict` (the default) the names must match exactly. Without it, a missing name keeps its old value
   * and an unexpected one is ignored (and freed, if it came from a file). A wrong shape or kind of dtype is
   * always an error. After an error the module is unchanged, and the caller still owns arrays given as a
   * record.
   *
   * @throws WeightsError naming the keys; SafetensorsError for a file with a bad header.
   */
  loadWeights(source: string | Weights, { strict = true }: { strict?: boolean } = {}): this {
    if (typeof source === 'string') {
      validateSafetensors(source);
      const { arrays } = mx.loadSafetensors(source);
      const given = new Map(Object.entries(arrays));
      try {
        for (const unused of assign(this, given, strict, source)) unused.dispose();
      } catch (error) {
        for (const array of given.values()) array.dispose();
        throw error;
      }
    } else {
      assign(this, isMap(source) ? source : new Map(Object.entries(source)), strict, 'the record of weights');
    }
    return this;
  }

  /**
   * Casts the floating-point parameters, but neither the integer ones (quantized weights stay quantized) nor
   * the buffers. Override it in a module whose buffers must follow.
   */
  toDtype(dtype: Dtype): this {
    for (const slot of slotsOf(this)) {
      if (slot.value instanceof Module) slot.value.toDtype(dtype);
      else if (isFloating(slot.value.dtype) && slot.value.dtype !== dtype)
        replace(slot, slot.value.astype(dtype));
    }
    return this;
  }

  /** Frees parameters and buffers; the module is unusable afterwards. Safe to call twice. */
  dispose(): void {
    for (const slot of slotsOf(this, true)) slot.value.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * A parameter of the given shape: an unevaluated constant without memory, to be replaced on loading. It
 * outlives the enclosing `tidy`.
 */
export function parameter(shape: readonly number[], dtype: Dtype = 'float32', fill = 0): MxArray {
  return mx.keep(mx.placeholder(shape, fill, dtype));
}

/**
 * Calls `substitute` once for every module below `root` and replaces the module with the result, if there is
 * one, in every place that holds it.
 */
export function replaceModules(
  root: Module,
  substitute: (module: Module, name: string) => Module | undefined,
): void {
  const seen = new Map<Module, Module>();
  const visit = (parent: Module, prefix: string): void => {
    for (const slot of slotsOf(parent)) {
      if (!(slot.value instanceof Module)) continue;
      const name = join(prefix, slot.name);
      const replacement = seen.get(slot.value) ?? substitute(slot.value, name) ?? slot.value;
      const isNew = !seen.has(slot.value);
      seen.set(slot.value, replacement);
      if (replacement !== slot.value) slot.set(replacement);
      else if (isNew) visit(slot.value, name);
    }
  };
  visit(root, '');
}

function isFloating(dtype: Dtype): boolean {
  return dtype === 'float16' || dtype === 'bfloat16' || dtype === 'float32' || dtype === 'float64';
}

/** Assigns `given` to the module's slots, all or (on an error) none. @returns the arrays without a slot */
function assign(
  module: Module,
  given: ReadonlyMap<string, MxArray>,
  strict: boolean,
  source: string,
): readonly MxArray[] {
  const slots = parameterSlots(module);
  const misshaped: MisshapedWeight[] = [];
  for (const [name, { value }] of slots) {
    const array = given.get(name);
    if (array && !fits(value, array))
      misshaped.push({ name, expected: describeSlot(value), found: describe(array) });
  }
  const missing = strict ? [...slots.keys()].filter((name) => !given.has(name)) : [];
  const unexpected = [...given.keys()].filter((name) => !slots.has(name));
  if (missing.length > 0 || misshaped.length > 0 || (strict && unexpected.length > 0)) {
    throw new WeightsError(source, { missing, unexpected: strict ? unexpected : [], misshaped });
  }
  for (const [name, slot] of slots) {
    const array = given.get(name);
    if (array) replace(slot, array);
  }
  return unexpected.flatMap((name) => given.get(name) ?? []);
}

/** Any float dtype fits any other (checkpoints differ); integers must match (quantized weights, scales). */
function fits(slot: MxArray, array: MxArray): boolean {
  const [wanted, found] = [slot.dtype, array.dtype];
  if (isFloating(wanted) ? !isFloating(found) : wanted !== found) return false;
  const [shape, dims] = [slot.shape, array.shape]; // each access calls the addon
  return shape.length === dims.length && shape.every((n, axis) => n === dims[axis]);
}

const describe = ({ dtype, shape }: MxArray): string => `${dtype} [${shape.join(', ')}]`;

const describeSlot = ({ dtype, shape }: MxArray): string =>
  `${isFloating(dtype) ? 'float' : dtype} [${shape.join(', ')}]`;

function replace(slot: Slot, array: MxArray): void {
  const old = slot.value;
  if (old === array) return;
  slot.set(mx.keep(array));
  old.dispose();
}

type ParameterSlot = Slot & { readonly value: MxArray };

function parameterSlots(module: Module): Map<string, ParameterSlot> {
  const found = new Map<string, ParameterSlot>();
  const visit = (parent: Module, prefix: string): void => {
    for (const slot of slotsOf(parent)) {
      const name = join(prefix, slot.name);
      if (slot.value instanceof Module) visit(slot.value, name);
      else found.set(name, { name, value: slot.value, set: (value) => slot.set(value) });
    }
  };
  visit(module, '');
  return found;
}

function* slotsOf(module: Module, withBuffers = false): Generator<Slot> {
  for (const key of Object.keys(module)) {
    if (withBuffers || !key.startsWith('_')) yield* slotsIn(module, key, key);
  }
}

function* slotsIn(holder: object, key: string, name: string): Generator<Slot> {
  const value: unknown = Reflect.get(holder, key);
  if (typeof value !== 'object' || value === null) return; // true of most fields; the class check is slower
  if (value instanceof Module || isArray(value)) {
    yield { name, value, set: (replacement) => void Reflect.set(holder, key, replacement) };
  } else if (Array.isArray(value)) {
    for (const index of value.keys()) yield* slotsIn(value, String(index), `${name}.${index}`);
  }
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}

function isMap(weights: Weights): weights is ReadonlyMap<string, MxArray> {
  return weights instanceof Map;
}
