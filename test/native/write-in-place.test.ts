/** `mx.fast.writeInPlace`, the cache that is written by it, and the text of its Metal kernel, compiled and run as C++. */
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

/** [R, H, T, D] whose elements lie as [R, T, H, D], as a decoder's keys do. */
const turned = (rows: number, heads: number, added: number, dims: number, dtype: Dtype): MxArray =>
  mx.transpose(numbered([rows, added, heads, dims], dtype, 101), [0, 2, 1, 3]);

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 3 }),
  heads: fc.integer({ min: 1, max: 3 }),
  room: fc.integer({ min: 1, max: 6 }),
  dims: fc.integer({ min: 1, max: 5 }),
  added: fc.nat(6),
  position: fc.nat(6),
});

describe('a write in place', () => {
  test.each(['float32', 'float16', 'bfloat16', 'int32'] as const)(
    'gives what MLX’s own update gives, in %s',
    (dtype) => {
      fc.assert(
        fc.property(sizes, ({ rows, heads, room, dims, added, position }) => {
          fc.pre(position + added <= room);
          mx.tidy(() => {
            const update = turned(rows, heads, added, dims, dtype);
            const buffer = (): MxArray => numbered([rows, heads, room, dims], dtype);
            const end = [rows, heads, position + added, dims];
            const wanted = mx.sliceUpdate(buffer(), update, [0, 0, position, 0], end);
            const made = mx.fast.writeInPlace(buffer(), update, position);
            expect([made.dtype, [...made.shape]]).toEqual([dtype, [rows, heads, room, dims]]);
            expect(values(mx.astype(made, 'float32'))).toEqual(values(mx.astype(wanted, 'float32')));
          });
        }),
        { numRuns: 50 },
      );
    },
  );

  test('is seen in the buffer that was given, when it is evaluated', () => {
    mx.tidy(() => {
      const buffer = mx.zeros([1, 1, 3, 2]);
      const first = mx.fast.writeInPlace(buffer, mx.ones([1, 1, 1, 2]), 0);
      const both = mx.fast.writeInPlace(first, mx.full([1, 1, 1, 2], 2), 2);
      expect(values(buffer)).toEqual([0, 0, 0, 0, 0, 0]);
      mx.eval(both);
      expect(values(buffer)).toEqual([1, 1, 0, 0, 2, 2]);
    });
  });

  test.each<[string, () => MxArray, RegExp]>([
    ['of three axes', () => mx.fast.writeInPlace(mx.zeros([2, 3, 4]), mx.zeros([2, 1, 4]), 0), /takes \[R, H, C, D\]/],
    ['of another type', () => mx.fast.writeInPlace(mx.zeros([1, 1, 2, 2]), mx.zeros([1, 1, 1, 2], 'float16'), 0), /one type/],
    ['of bytes', () => mx.fast.writeInPlace(mx.zeros([1, 1, 2, 2], 'uint8'), mx.zeros([1, 1, 1, 2], 'uint8'), 0), /16 or 32 bits/],
    ['of other heads', () => mx.fast.writeInPlace(mx.zeros([1, 2, 2, 2]), mx.zeros([1, 1, 1, 2]), 0), /differ in rows, heads or dims/],
    ['beyond the end', () => mx.fast.writeInPlace(mx.zeros([1, 1, 2, 2]), mx.zeros([1, 1, 2, 2]), 1), /does not fit/],
    ['before the start', () => mx.fast.writeInPlace(mx.zeros([1, 1, 2, 2]), mx.zeros([1, 1, 1, 2]), -1), /does not fit/],
    ['that overflows', () => mx.fast.writeInPlace(mx.zeros([1, 1, 2, 2]), mx.zeros([1, 1, 1, 2]), 2 ** 31 - 1), /does not fit/],
    ['into a view', () => mx.fast.writeInPlace(mx.transpose(mx.zeros([1, 1, 2, 3]), [0, 1, 3, 2]), mx.zeros([1, 1, 1, 2]), 0), /not contiguous/],
  ])('refuses one %s', (_, write, reason) => {
    mx.tidy(() => {
      expect(() => {
        mx.eval(write());
      }).toThrow(reason);
    });
  }); // prettier-ignore
});

describe('a cache written in place', () => {
  test('takes no more than its buffer while 50 tokens are queued ahead', () => {
    const former = mx.memory.setCacheLimit(0);
    const cache = new nn.JointCache(4096);
    const step = (token: MxArray): MxArray => {
      const attended = cache.attend(mx.broadcastTo(token, [1, 1, 3 * 8 * 64]), 8);
      return mx.reshape(mx.max(attended), [1, 1, 1]);
    };
    const buffer = 2 * 8 * 64 * 64 * 4; // keys and values of 64 positions, in bytes
    let token = mx.ones([1, 1, 1]);
    mx.eval(token);
    const active = mx.memory.active();
    mx.memory.resetPeak();
    for (let index = 0; index < 50; index += 1) {
      const next = mx.tidy(() => step(token));
      mx.asyncEval(next);
      mx.eval(token);
      token.dispose();
      token = next;
    }
    mx.eval(token);
    const peak = mx.memory.peak() - active;
    mx.dispose(token);
    cache.dispose();
    mx.memory.setCacheLimit(former);
    expect(peak).toBeGreaterThanOrEqual(buffer);
    expect(peak).toBeLessThan(1.2 * buffer); // 5 buffers where each step is copied
  });

  test('takes a step that was queued and then undone', () => {
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

/** The kernel's text, of which C++ only lacks the address spaces and the attributes of Metal. */
test('the Metal kernel, run as C++ for each thread, writes what MLX’s own update writes', () => {
  const source = readFileSync(new URL('../../../native/src/cache_write.cc', import.meta.url), 'utf8');
  const [, kernel = ''] = /kKernel = R"\(([^]*?)\)";/.exec(source) ?? [];
  expect(kernel).toContain('kernel void write_rows(');
  const folder = mkdtempSync(join(tmpdir(), 'sotto-metal-'));
  try {
    const program = join(folder, 'kernel');
    writeFileSync(`${program}.cc`, asProgram(kernel.replaceAll(/ \[\[[^\]]*\]\]/g, '')));
    const built = spawnSync('c++', ['-std=c++17', '-Wall', '-Wextra', '-Werror', `${program}.cc`, '-o', program], { encoding: 'utf8' }); // prettier-ignore
    expect([built.status, built.stderr]).toEqual([0, '']);
    const [rows, heads, room, dims, added, position] = [2, 3, 6, 4, 2, 3];
    const ran = execFileSync(program, { encoding: 'utf8' });
    const wanted = mx.tidy(() =>
      values(
        mx.sliceUpdate(
          numbered([rows, heads, room, dims], 'int32'),
          turned(rows, heads, added, dims, 'int32'),
          [0, 0, position, 0],
          [rows, heads, position + added, dims],
        ),
      ),
    );
    expect(ran.trim().split(' ').map(Number)).toEqual(wanted);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A buffer [2, 3, 6, 4] of 1, 2, 3 …, and at position 3 an update [2, 3, 2, 4] that lies as [2, 2, 3, 4]: 101, 102, … */
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
  std::vector<Item> buffer(2 * 3 * 6 * 4), update(2 * 3 * 2 * 4);
  std::iota(buffer.begin(), buffer.end(), 1u);
  std::iota(update.begin(), update.end(), 101u);
  const Sizes sizes{3, 6, 4, 3, {24, 4, 12, 1}};
  for (unsigned z = 0; z < 6; ++z)
    for (unsigned y = 0; y < 2; ++y)
      for (unsigned x = 0; x < 4; ++x) write_rows(buffer.data(), update.data(), sizes, {x, y, z});
  for (Item item : buffer) std::printf("%u ", item);
}
`;
