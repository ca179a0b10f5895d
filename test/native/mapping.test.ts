/** Memory-mapped arrays: content, lifetime, and rejected arguments. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mx, type Dtype } from '#native/index.js';
import { mapSafetensors } from '#native/safetensors/map.js';
import { SafetensorsError } from '#native/safetensors/validate.js';
import { validFile } from './safetensors-bytes.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sotto-mapping-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function fileOf(bytes: Uint8Array): string {
  const file = path.join(folder, `${files++}.bin`);
  writeFileSync(file, bytes);
  return file;
}

const SIZES: Partial<Record<Dtype, number>> = { uint8: 1, float16: 2, uint32: 4, float32: 4, int64: 8 };
const counting = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 37) % 251));

function bytesOf(array: { toTypedArray(): ArrayBufferView }): Buffer {
  const { buffer, byteOffset, byteLength } = array.toTypedArray();
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** `mx.mapFile`, for the CPU and Metal, whose allocators accept foreign memory. */
function mapped(...args: Parameters<typeof mx.mapFile>) {
  const arrays = mx.mapFile(...args);
  if (arrays === null) throw new Error('this build copies');
  return arrays;
}

describe('arrays in a mapped file', () => {
  test('have the declared shape, dtype and bytes, aligned or not', () => {
    const region = fc.record({
      dtype: fc.constantFrom<Dtype>('uint8', 'float16', 'uint32', 'float32', 'int64'),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
      offset: fc.nat(200),
    });
    const live = mx.liveArrays();
    fc.assert(
      fc.property(fc.array(region, { maxLength: 6 }), (regions) => {
        const bytes = counting(2000);
        const arrays = mapped(
          fileOf(bytes),
          bytes.length,
          regions.map(({ offset }) => offset),
          regions.map(({ shape }) => shape),
          regions.map(({ dtype }) => dtype),
        );
        for (const [i, { dtype, shape, offset }] of regions.entries()) {
          const array = arrays[i];
          const size = shape.reduce((product, n) => product * n, SIZES[dtype] ?? NaN);
          expect(array?.shape).toEqual(shape);
          expect(array?.dtype).toBe(dtype);
          expect(array && bytesOf(array)).toEqual(bytes.subarray(offset, offset + size));
        }
        mx.dispose(arrays);
      }),
      { numRuns: 60 },
    );
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('work as operands and are not modified', () => {
    const numbers = Float32Array.from([3, 1, 2, 5, 4, 6]);
    const file = fileOf(new Uint8Array(numbers.buffer));
    const [a] = mapped(file, 24, [0], [[2, 3]], ['float32']);
    const sum = mx.tidy(() => (a ? mx.sum(mx.add(mx.multiply(a, 2), mx.sort(a))).tolist() : NaN));
    expect(sum).toBe(63);
    a?.dispose();
    expect(new Float32Array(new Uint8Array(readFileSync(file)).buffer)).toEqual(numbers);
  });

  test('are not overwritten by an op that may reuse its input', async () => {
    // The pages are read-only: a write would end the process, also on a GPU.
    const numbers = Float32Array.from({ length: 1 << 16 }, (_, i) => i);
    const file = fileOf(new Uint8Array(numbers.buffer));
    const [a] = mapped(file, numbers.byteLength, [0], [[numbers.length]], ['float32']);
    const negated = a && mx.negative(a);
    a?.dispose();
    if (negated) await mx.ready(negated);
    expect(negated?.toTypedArray('float32')).toEqual(numbers.map((x) => -x));
    negated?.dispose();
    expect(new Float32Array(new Uint8Array(readFileSync(file)).buffer)).toEqual(numbers);
    // The same op does reuse memory that MLX owns, so the case above is relevant.
    const owned = mx.array(numbers);
    mx.eval(owned);
    mx.memory.resetPeak();
    const before = mx.memory.active();
    const other = mx.negative(owned);
    owned.dispose();
    await mx.ready(other);
    expect(mx.memory.peak()).toBeLessThanOrEqual(before);
    other.dispose();
  });

  test('survive the replacement and the removal of the file', () => {
    const file = fileOf(counting(100_000));
    const [first] = mapped(file, 100_000, [8], [[1000]], ['uint8']);
    renameSync(fileOf(Buffer.alloc(100_000)), file);
    const [second] = mapped(file, 100_000, [8], [[1000]], ['uint8']);
    rmSync(file);
    expect(first && bytesOf(first)).toEqual(counting(100_000).subarray(8, 1008));
    expect(second && bytesOf(second)).toEqual(Buffer.alloc(1000));
    mx.dispose([first, second]);
  });

  test('may be freed before results computed from them are read', async () => {
    const [a] = mapped(fileOf(counting(1 << 20)), 1 << 20, [0], [[1 << 20]], ['uint8']);
    const wide = a && mx.astype(a, 'int32');
    a?.dispose();
    if (wide) await mx.ready(wide);
    expect(wide && mx.tidy(() => mx.sum(wide).item())).toBe(
      counting(1 << 20).reduce((sum, byte) => sum + byte, 0),
    );
    wide?.dispose();
  });

  test('may come from an empty file', () => {
    const [none] = mapped(fileOf(Buffer.alloc(0)), 0, [0], [[0, 3]], ['float32']);
    expect(none?.shape).toEqual([0, 3]);
    none?.dispose();
  });
});

describe('mapping fails', () => {
  const live = mx.liveArrays();
  const refused = (message: RegExp, ...args: Parameters<typeof mx.mapFile>): void => {
    expect(() => mx.mapFile(...args)).toThrow(message);
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  };
  const six = (): string => fileOf(counting(6));

  test('for a missing file and a directory', () => {
    refused(/missing\.bin' cannot be mapped/, path.join(folder, 'missing.bin'), 1, [], [], []);
    refused(/cannot be mapped|shorter/, folder, 1 << 20, [0], [[1]], ['uint8']);
  });

  test('for a file shorter than declared', () =>
    refused(/is shorter than expected/, six(), 7, [0], [[1]], ['uint8']));

  test('for an array beyond the end of the file', () => {
    refused(/exceeds the end/, six(), 6, [0], [[7]], ['uint8']);
    refused(/exceeds the end/, six(), 6, [4], [[1]], ['float32']);
    refused(/exceeds the end/, six(), 6, [7], [[0]], ['uint8']);
    refused(/exceeds the end/, six(), 6, [0], [[2 ** 31 - 1, 2 ** 31 - 1]], ['int64']);
    refused(/exceeds the end/, six(), 6, [0], [Array.from({ length: 5 }, () => 2 ** 13)], ['uint8']);
  });

  test('for lists of different lengths, negative offsets and sizes, and non-lists', () => {
    refused(/same length/, six(), 6, [0, 1], [[1]], ['uint8']);
    refused(/same length/, six(), 6, [0], [[1]], []);
    refused(/must not be negative/, six(), 6, [-1], [[1]], ['uint8']);
    refused(/negative sizes/, six(), 6, [0], [[-1]], ['uint8']);
    refused(/bytes must not be negative/, six(), -1, [], [], []);
    refused(/dtype/, six(), 6, [0], [[1]], ['float128' as Dtype]);
    refused(/mapFile/, six(), 6, [0], 3 as unknown as number[][], ['uint8']);
  });
});

describe('a safetensors file', () => {
  test('is mapped completely, by name, in file order', () => {
    const specs = [
      { name: 'z', dtype: 'F32', shape: [2, 3] },
      { name: 'a', dtype: 'U8', shape: [3] },
      { name: 'odd', dtype: 'F16', shape: [4] }, // starts at an odd offset
      { name: 'none', dtype: 'I64', shape: [0] },
    ];
    const bytes = validFile(specs);
    const file = fileOf(bytes);
    const live = mx.liveArrays();
    const arrays = mapSafetensors(file);
    const reference = mx.loadSafetensors(file).arrays;
    expect([...arrays.keys()].sort()).toEqual(['a', 'none', 'odd', 'z']);
    for (const [name, array] of arrays) {
      expect(array.dtype).toBe(reference[name]?.dtype);
      expect(array.shape).toEqual(reference[name]?.shape);
      expect(bytesOf(array)).toEqual(reference[name] && bytesOf(reference[name]));
    }
    mx.dispose([...arrays.values(), ...Object.values(reference)]);
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('is validated first', () => {
    const file = fileOf(validFile([{ name: 'a', dtype: 'U8', shape: [3] }]));
    appendFileSync(file, 'x');
    expect(() => mapSafetensors(file)).toThrow(SafetensorsError);
    truncateSync(file, 20);
    expect(() => mapSafetensors(file)).toThrow(SafetensorsError);
  });
});
