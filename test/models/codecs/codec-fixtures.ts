/** The tiny checkpoints of test/reference/make-*-fixtures.py for codecs and vocoders, and the samples that their results are for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Codes } from '#daemon/protocol/codec.js';
import { joinCodes } from '#daemon/protocol/codec.js';

import { unpackedDir } from '../checkpoint/checkpoint-dirs.js';
import { decodeFloats, joined, root } from '../model-fixtures.js';

const fixturesDir = join(root, 'test/fixtures/codecs');

/** A copy of the checkpoint, which a test may damage. */
export const codecDir = (name: string): string => unpackedDir(join(fixturesDir, name));

/** An array as codec_fixtures.py packs it. */
export interface Packed {
  readonly shape: readonly number[];
  readonly values: string;
}

export const unpacked = ({ values }: Packed): Float32Array => decodeFloats(values);

export function expectedOf<T>(name: string): T {
  return JSON.parse(readFileSync(join(fixturesDir, name, 'expected.json'), 'utf8')) as T;
}

/** As in codec_fixtures.py. */
export function testSamples(count: number, shift = 0): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const n = i + shift;
    return 0.4 * Math.sin(1e-5 * n * n + 0.05 * n) * Math.sin(2e-3 * n) + 0.02;
  });
}

/** In chunks of `size`. */
export async function* streamed(samples: Float32Array, size = 1000): AsyncGenerator<Float32Array, void> {
  for (let at = 0; at < samples.length; at += size) {
    await Promise.resolve();
    yield samples.subarray(at, at + size);
  }
}

export async function allCodes(
  run: AsyncGenerator<Codes, number>,
): Promise<{ codes: number[][]; samples: number }> {
  const parts: Codes[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { codes: joinCodes(parts).codes, samples: next.value };
    parts.push(next.value);
  }
}

export async function allSamples(run: AsyncIterable<Float32Array>): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for await (const part of run) parts.push(part.slice());
  return joined(...parts);
}

/** The largest difference; Infinity for another length. */
export function distance(found: Float32Array, expected: Float32Array): number {
  if (found.length !== expected.length) return Infinity;
  return found.reduce((largest, x, i) => Math.max(largest, Math.abs(x - (expected[i] ?? NaN))), 0);
}

/** Signal to noise ratio in dB. */
export function snr(found: Float32Array, expected: Float32Array): number {
  const power = expected.reduce((sum, x) => sum + x * x, 0);
  const noise = expected.reduce((sum, x, i) => sum + (x - (found[i] ?? NaN)) ** 2, 0);
  return 10 * Math.log10(power / noise);
}

/** The largest magnitude. */
export const peak = (values: Float32Array): number =>
  values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
