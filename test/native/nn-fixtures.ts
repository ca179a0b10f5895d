/** Reads test/fixtures/nn.json (from test/reference/make-nn-fixtures.py) and compares by value. */
import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import { tolerance as onDevice } from '#test/harness/test-device.js';

interface StoredArray {
  dtype: Dtype;
  shape: number[];
  data: (number | boolean)[];
}

interface StoredCase {
  weights: Record<string, StoredArray>;
  inputs: Record<string, StoredArray>;
  options: Record<string, number | boolean | string>;
  outputs: Record<string, StoredArray>;
}

// From dist/test/native back to the sources.
const file = new URL('../../../test/fixtures/nn.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Record<string, StoredCase> };

export class Fixture {
  readonly #case: StoredCase;
  readonly name: string;

  constructor(name: string) {
    const found = cases[name];
    if (!found) throw new Error(`no case "${name}" in ${file.pathname}`);
    this.name = name;
    this.#case = found;
  }

  weights(): Record<string, MxArray> {
    return Object.fromEntries(
      Object.entries(this.#case.weights).map(([name, array]) => [name, toArray(array)]),
    );
  }

  input(name: string): MxArray {
    const stored = this.#case.inputs[name];
    if (!stored) throw new Error(`no input "${name}" in "${this.name}"`);
    return toArray(stored);
  }

  /** The case's options, for a layer's constructor. */
  options<T>(): T {
    return this.#case.options as T;
  }

  /** Expects the dtype, the shape and (within `tolerance`, absolute plus relative) the values. */
  expectOutput(name: string, actual: MxArray, tolerance = 1e-5): void {
    const stored = this.#case.outputs[name];
    if (!stored) throw new Error(`no output "${name}" in "${this.name}"`);
    expect({ dtype: actual.dtype, shape: [...actual.shape] }).toEqual({
      dtype: stored.dtype,
      shape: stored.shape,
    });
    expectClose(values(actual), stored.data.map(Number), tolerance);
  }
}

export function fixtureNames(prefix: string): string[] {
  const names = Object.keys(cases).filter((name) => name.startsWith(prefix));
  if (names.length === 0) throw new Error(`no cases "${prefix}…" in ${file.pathname}`);
  return names;
}

/** The exact elements in row-major order. */
export function values(array: MxArray): number[] {
  const isShort = array.dtype === 'float16' || array.dtype === 'bfloat16' || array.dtype === 'bool';
  const wide = isShort ? array.astype('float32') : array;
  return Array.from<number | bigint, number>(wide.toTypedArray(), Number);
}

export function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const off = actual.flatMap((value, index) => {
    const expectedValue = expected[index] ?? Number.NaN;
    const isClose = Math.abs(value - expectedValue) <= onDevice(tolerance) * (1 + Math.abs(expectedValue));
    return isClose || Object.is(value, expectedValue) ? [] : [{ index, value, expectedValue }];
  });
  expect(off.slice(0, 5)).toEqual([]);
}

function toArray({ dtype, shape, data }: StoredArray): MxArray {
  return mx.array(data.map(Number), undefined, 'float32').astype(dtype).reshape(shape);
}
