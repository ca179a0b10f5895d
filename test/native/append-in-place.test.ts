/** `mx.fast.appendInPlace`, the cache built on it, and its Metal kernel compiled and run as C++. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { values } from './nn-fixtures.js';

const numbered = (shape: readonly number[], dtype: Dtype, from = 1): MxArray => {
  const size = shape.reduce((product, length) => product * length, 1);
  return mx.astype(mx.reshape(mx.arange(from, from + size), shape), dtype);
};

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  heads: fc.integer({ min: 1, max: 3 }),
  room: fc.integer({ min: 1, max: 6 }),
  dims: fc.integer({ min: 1, max: 5 }),
  added: fc.integer({ min: 1, max: 6 }),
  position: fc.nat(5),
});

/** queries, keys, values and the buffer, with MLX's own ops. */
function copyAndAppend(qkv: MxArray, buffer: MxArray, position: number): MxArray[] {
  const [batch = 0, added = 0] = qkv.shape;
  const [rows = 0, heads = 0, , dims = 0] = buffer.shape;
  const end = position + added;
  const each = mx
    .split(qkv, 3, 2)
    .map((part) => mx.transpose(mx.reshape(part, [batch, added, heads, dims]), [0, 2, 1, 3]));
  const [queries, keys, vectors] = each as [MxArray, MxArray, MxArray];
  const both = mx.concatenate([keys, vectors], 0);
  const result = mx.sliceUpdate(buffer, both, [0, 0, position, 0], [rows, heads, end, dims]);
  return [
    queries,
    mx.slice(result, [0, 0, 0, 0], [batch, heads, end, dims]),
    mx.slice(result, [batch, 0, 0, 0], [rows, heads, end, dims]),
    result,
  ];
}

describe('appendInPlace', () => {
  const layouts: Record<string, (qkv: MxArray) => MxArray> = {
    plain: (qkv) => qkv,
    turned: (qkv) => mx.transpose(mx.contiguous(mx.transpose(qkv, [2, 0, 1])), [1, 2, 0]),
    reversed: (qkv) => mx.slice(qkv, [0, 0, -1], [qkv.shape[0] ?? 0, qkv.shape[1] ?? 0, -1e6], [1, 1, -1]),
  };

  test.each(['float32', 'float16', 'bfloat16', 'int32'] as const)(
    'is what MLX’s own ops give, in %s',
    (dtype) => {
      fc.assert(
        fc.property(sizes, fc.constantFrom(...Object.keys(layouts)), (size, layout) => {
          const { batch, heads, room, dims, added, position } = size;
          fc.pre(position + added <= room);
          mx.tidy(() => {
            const qkv = layouts[layout]?.(numbered([batch, added, 3 * heads * dims], dtype, 101));
            if (!qkv) throw new RangeError(layout);
            const buffer = (): MxArray => numbered([2 * batch, heads, room, dims], dtype);
            const reference = copyAndAppend(qkv, buffer(), position);
            for (const [i, result] of mx.fast.appendInPlace(qkv, buffer(), position).entries()) {
              expect([result.dtype, [...result.shape]]).toEqual([dtype, [...(reference[i]?.shape ?? [])]]);
              expect(values(mx.astype(result, 'float32'))).toEqual(
                values(mx.astype(reference[i] ?? result, 'float32')),
              );
            }
          });
        }),
        { numRuns: 60 },
      );
    },
  );

  test('changes the given buffer on evaluation', () => {
    mx.tidy(() => {
      const buffer = mx.zeros([2, 1, 3, 2]);
      const [, , , first] = mx.fast.appendInPlace(mx.ones([1, 1, 6]), buffer, 0);
      const [, , , both] = mx.fast.appendInPlace(mx.full([1, 1, 6], 2), first, 2);
      expect(values(buffer)).toEqual(new Array(12).fill(0));
      mx.eval(both);
      expect(values(buffer)).toEqual([1, 1, 0, 0, 2, 2, 1, 1, 0, 0, 2, 2]);
    });
  });

  test.each<[string, readonly number[], readonly number[], number, RegExp]>([
    ['one axis', [6], [2, 1, 3, 2], 0, /takes \[B, T, 3/],
    ['no tokens', [1, 0, 6], [2, 1, 3, 2], 0, /nothing to append/],
    ['another batch', [2, 1, 6], [2, 1, 3, 2], 0, /rows do not match qkv/],
    ['an odd number of buffer rows', [1, 1, 6], [3, 1, 3, 2], 0, /rows do not match qkv/],
    ['another width', [1, 1, 12], [2, 1, 3, 2], 0, /does not match the width of qkv/],
    ['a position beyond the end', [1, 2, 6], [2, 1, 3, 2], 2, /exceed the buffer/],
    ['a negative position', [1, 1, 6], [2, 1, 3, 2], -1, /exceed the buffer/],
    ['a position that overflows', [1, 1, 6], [2, 1, 3, 2], 2 ** 31 - 1, /exceed the buffer/],
  ])('rejects %s', (_, qkv, buffer, position, reason) => {
    mx.tidy(() => {
      expect(() => mx.fast.appendInPlace(mx.zeros(qkv), mx.zeros(buffer), position)).toThrow(reason);
    });
  });

  test('rejects mixed dtypes, 8-bit dtypes and views', () => {
    mx.tidy(() => {
      const qkv = mx.zeros([1, 1, 6]);
      expect(() => mx.fast.appendInPlace(qkv, mx.zeros([2, 1, 3, 2], 'float16'), 0)).toThrow(/same dtype/);
      const bytes = mx.zeros([1, 1, 6], 'uint8');
      expect(() => mx.fast.appendInPlace(bytes, mx.zeros([2, 1, 3, 2], 'uint8'), 0)).toThrow(/16 or 32/);
      const view = mx.transpose(mx.zeros([2, 1, 2, 3]), [0, 1, 3, 2]);
      expect(() => {
        mx.eval(mx.fast.appendInPlace(qkv, view, 0));
      }).toThrow(/not contiguous/);
    });
  });
});

describe('a cache that appends in place', () => {
  test('accepts a step that is queued and then reverted', () => {
    using cache = new nn.JointCache(8);
    const step = (value: number): MxArray => mx.tidy(() => cache.attend(mx.full([1, 1, 12], value), 2));
    const first = step(1);
    const undone = step(5);
    mx.asyncEval(first, undone);
    cache.trim(1);
    const next = step(3);
    const [after] = mx.tidy(() => {
      const alone = new nn.JointCache(8);
      const steps = [1, 3].map((value) => alone.attend(mx.full([1, 1, 12], value), 2));
      mx.eval(...steps);
      alone.dispose();
      return [mx.keep(steps[1] ?? steps[0])] as [MxArray];
    });
    expect(values(next)).toEqual(values(after));
    mx.dispose([first, undone, next, after]);
  });
});

/** The kernel's source; as C++ it lacks only Metal's address spaces and attributes. */
test('matches MLX’s own ops when the Metal kernel runs as C++', () => {
  const source = readFileSync(new URL('../../../native/src/cache_append.cc', import.meta.url), 'utf8');
  const [, kernel = ''] = /kKernel = R"\(([^]*?)\)";/.exec(source) ?? [];
  expect(kernel).toContain('kernel void append(');
  const folder = mkdtempSync(join(tmpdir(), 'sotto-metal-'));
  try {
    const program = join(folder, 'kernel');
    writeFileSync(`${program}.cc`, asProgram(kernel.replaceAll(/ \[\[[^\]]*\]\]/g, '')));
    const built = spawnSync('c++', ['-std=c++17', '-Wall', '-Wextra', '-Werror', `${program}.cc`, '-o', program], { encoding: 'utf8' }); // prettier-ignore
    expect([built.status, built.stderr]).toEqual([0, '']);
    const ran = execFileSync(program, { encoding: 'utf8' });
    const [, , , reference] = mx.tidy(() => {
      const buffer = numbered([4, 3, 6, 4], 'int32');
      return copyAndAppend(numbered([2, 2, 36], 'int32', 1001), buffer, 3).map((array) => values(array));
    });
    expect(ran.trim().split(' ').map(Number)).toEqual(reference);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * A buffer [4, 3, 6, 4] of 1, 2, 3 …, with the keys and values of qkv [2, 2, 3 × 3 × 4] at position 3: 1001,
 * 1002, …
 */
const asProgram = (kernel: string): string => `
#include <cstdio>
#include <numeric>
#include <vector>
#define kernel static
#define device
#define constant const
typedef unsigned Item;
struct uint3 { unsigned x, y, z; };
${kernel}
int main() {
  std::vector<Item> buffer(4 * 3 * 6 * 4), qkv(2 * 2 * 36);
  std::iota(buffer.begin(), buffer.end(), 1u);
  std::iota(qkv.begin(), qkv.end(), 1001u);
  const Sizes sizes{2, 3, 4, 6, 3, 12, 72, 36, 1};
  for (unsigned z = 0; z < 12; ++z)
    for (unsigned y = 0; y < 2; ++y)
      for (unsigned x = 0; x < 4; ++x) append(buffer.data(), qkv.data(), sizes, {x, y, z});
  for (Item item : buffer) std::printf("%u ", item);
}
`;
