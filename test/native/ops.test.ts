/** Ops compared with MLX's Python results from test/reference/make-op-fixtures.py. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import { tolerance as onDevice } from '#test/harness/test-device.js';

interface EncodedArray {
  array: (number | string | boolean | [number | string, number | string])[];
  shape: number[];
  dtype: Dtype;
}
interface Case {
  op: string;
  args: unknown[];
  options?: Record<string, unknown>;
  results: unknown[];
  tolerance?: number;
}

const file = path.resolve(import.meta.dirname, '../../../test/fixtures/ops.json');
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };

/** Relative to the largest element: the library is the same, but other machines sum in another order. */
const TOLERANCE: Partial<Record<Dtype, number>> = {
  float16: 4e-3,
  bfloat16: 2e-2,
  float32: 2e-5,
  complex64: 2e-5,
};

function isEncoded(value: unknown): value is EncodedArray {
  return typeof value === 'object' && value !== null && 'array' in value;
}

function scalar(value: number | string | boolean): number {
  return typeof value !== 'string'
    ? Number(value)
    : Number(value.replace('inf', 'Infinity').replace('nan', 'NaN'));
}

function flat({ array, dtype }: EncodedArray): number[] {
  if (dtype === 'complex64') return array.flatMap((pair) => (pair as [number, number]).map(scalar));
  return array.map((value) => scalar(value as number | string | boolean));
}

function decode(value: unknown): unknown {
  if (isEncoded(value)) {
    const numbers = flat(value);
    if (value.dtype === 'complex64') return mx.array(Float32Array.from(numbers), value.shape, 'complex64');
    const whole = value.dtype.includes('int') || value.dtype === 'bool';
    return whole
      ? mx.array(BigInt64Array.from(numbers.map(BigInt)), value.shape, value.dtype)
      : mx.array(Float64Array.from(numbers), value.shape, value.dtype);
  }
  if (Array.isArray(value)) return value.map(decode);
  if (value === 'inf' || value === '-inf' || value === 'nan') return scalar(value);
  return value;
}

function numbersOf(x: MxArray): number[] {
  if (x.dtype === 'complex64') return [...(x.toTypedArray() as Float32Array)];
  return [...x.toTypedArray('float64')];
}

function compare(actual: MxArray, expected: EncodedArray, tolerance?: number): void {
  expect({ dtype: actual.dtype, shape: actual.shape }).toEqual({
    dtype: expected.dtype,
    shape: expected.shape,
  });
  const expectedNumbers = flat(expected);
  const actualNumbers = numbersOf(actual);
  const largest = Math.max(1e-3, ...expectedNumbers.filter(Number.isFinite).map(Math.abs));
  const allowed = onDevice(tolerance ?? TOLERANCE[expected.dtype] ?? 0) * largest;
  expectedNumbers.forEach((expectedNumber, i) => {
    const actualNumber = actualNumbers[i] ?? NaN;
    if (
      Number.isFinite(expectedNumber)
        ? Math.abs(actualNumber - expectedNumber) <= allowed
        : Object.is(actualNumber, expectedNumber)
    )
      return;
    throw new Error(
      `element ${i} is ${actualNumber}, MLX's Python gives ${expectedNumber} (allowed ${allowed})`,
    );
  });
}

function callOp({ op, args, options }: Case): unknown {
  const target = op.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], mx);
  const values = args.map(decode);
  if (options) values.push(Object.fromEntries(Object.entries(options).map(([k, v]) => [k, decode(v)])));
  return (target as (...args: unknown[]) => unknown)(...values);
}

let before = 0;
beforeEach(() => {
  before = mx.liveArrays();
});
afterEach(() => {
  expect(mx.liveArrays()).toBe(before);
});

test('the table covers at least 150 ops and 300 variants', () => {
  expect(new Set(cases.map(({ op }) => op)).size).toBeGreaterThanOrEqual(150);
  expect(cases.length).toBeGreaterThanOrEqual(300);
});

const counts = new Map<string, number>();
for (const entry of cases) {
  const nth = (counts.get(entry.op) ?? 0) + 1;
  counts.set(entry.op, nth);
  test(`${entry.op} matches MLX's Python (${nth})`, () => {
    mx.tidy(() => {
      const result = callOp(entry);
      const results = Array.isArray(result) ? (result as unknown[]) : [result];
      expect(results.length).toBe(entry.results.length);
      entry.results.forEach((expected, i) => {
        if (isEncoded(expected)) compare(results[i] as MxArray, expected, entry.tolerance);
        else expect(results[i]).toEqual(expected);
      });
    });
  });
}
