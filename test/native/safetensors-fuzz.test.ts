import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';
import {
  SafetensorsError,
  validateSafetensors,
  type SafetensorsHeader,
} from '#native/safetensors/validate.js';

const rounds = 2_000 * Number(process.env['SOTTO_FUZZ'] ?? 1);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-fuzz-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file from MLX's own writer: every dtype, a scalar, an empty tensor, names that need escapes. */
function saved(name: string, metadata?: Record<string, string>): string {
  const path = join(folder, name);
  const line = mx.arange(24);
  const arrays: Record<string, MxArray> = {
    'encoder.conv1.weight': mx.reshape(line, [2, 3, 4]),
    'encoder.conv1.bias': line.astype('float16'),
    'decoder.ln.weight': line.astype('bfloat16'),
    'decoder.token_embedding.weight': mx.reshape(line.astype('uint32'), [4, 6]),
    'decoder.token_embedding.scales': line.astype('uint8'),
    positions: line.astype('int64'),
    mask: mx.greater(line, 3),
    scale: mx.array(0.5),
    empty: mx.zeros([0, 4]),
    'name "with" \\ and é and \u{1F600}\n': mx.ones([1]),
  };
  mx.saveSafetensors(path, arrays, metadata);
  return path;
}

/** Expects that MLX reads exactly what the validator reports. */
function expectLoadedAsValidated(path: string, header: SafetensorsHeader): void {
  const file = readFileSync(path);
  const { arrays } = mx.loadSafetensors(path);
  expect(Object.keys(arrays).sort()).toEqual([...header.tensors.keys()].sort());
  for (const [name, { shape, begin, end }] of header.tensors) {
    const array = arrays[name];
    if (!array) throw new Error(`${name} is missing`);
    expect([...array.shape]).toEqual([...shape]);
    if (array.dtype === 'bool') continue; // MLX normalizes its bytes to 0 and 1
    const { buffer, byteOffset, byteLength } = array.toTypedArray();
    const start = 8 + header.headerBytes;
    expect(
      Buffer.from(buffer, byteOffset, byteLength).equals(file.subarray(start + begin, start + end)),
    ).toBe(true);
  }
  mx.dispose(arrays);
}

describe('files that our saver writes', () => {
  test.each([undefined, {}, { format: 'mlx', note: 'é "quoted" \n' }])(
    'are accepted, with metadata %j',
    (metadata) => {
      const path = saved('good.safetensors', metadata);
      const header = validateSafetensors(path);
      expect(header.tensors.size).toBe(10);
      expect(Object.fromEntries(header.metadata)).toEqual(metadata ?? {});
      expectLoadedAsValidated(path, header);
    },
  );
});

describe('damaged files', () => {
  test('are rejected, or load as their header declares, after thousands of bit flips and cuts', () => {
    const original = readFileSync(saved('original.safetensors', { format: 'mlx' }));
    const path = join(folder, 'damaged.safetensors');
    const headerEnd = 8 + original.readUInt32LE(0);
    const random = generator(7);
    const live = mx.liveArrays();
    let [refused, loaded] = [0, 0];
    for (let round = 0; round < rounds; round += 1) {
      let bytes = Buffer.from(original);
      const kind = round % 4;
      if (kind === 0)
        bytes = bytes.subarray(0, random(bytes.length)); // truncate
      else {
        // One to three bit flips, three of four in the header.
        for (let flips = 0; flips <= random(3); flips += 1) {
          const position = random(kind === 1 ? bytes.length : headerEnd);
          bytes[position] = (bytes[position] ?? 0) ^ (1 << random(8));
        }
      }
      writeFileSync(path, bytes);
      let header: SafetensorsHeader;
      try {
        header = validateSafetensors(path);
      } catch (error) {
        if (!(error instanceof SafetensorsError)) throw error;
        expect(error.message).toContain(path);
        refused += 1;
        continue;
      }
      expectLoadedAsValidated(path, header);
      loaded += 1;
    }
    expect(mx.liveArrays()).toBe(live);
    expect(refused).toBeGreaterThan(rounds / 2);
    expect(loaded).toBeGreaterThan(rounds / 20); // flips in data and names keep the file valid
  });
});

/** Deterministic pseudorandom numbers below `limit` (xorshift32). */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
