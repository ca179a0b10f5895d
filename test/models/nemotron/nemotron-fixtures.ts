/** The tiny checkpoints of test/reference/make-nemotron-fixtures.py, unpacked into directories that a test may damage. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll } from '@jest/globals';

import { decodeFloats, root } from '../model-fixtures.js';

export type NemotronCheckpoint = 'english' | 'languages';

export interface NemotronCase {
  readonly lookahead: number;
  readonly prompt?: number;
  /** Of the encoder, [T, 32], base64. */
  readonly features: string;
  /** With their frames. */
  readonly tokens: readonly (readonly [token: number, frame: number])[];
}

interface Expected {
  readonly samples: number;
  readonly melFrames: number;
  /** Every 50th frame. */
  readonly mel: string;
  readonly cases: readonly NemotronCase[];
}

const fixturesDir = join(root, 'test/fixtures/nemotron');
const made: string[] = [];
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true });
});

export function nemotronDir(name: NemotronCheckpoint): string {
  const dir = mkdtempSync(join(tmpdir(), 'nemotron-'));
  made.push(dir);
  for (const file of ['config.json', 'tokenizer.json'])
    cpSync(join(fixturesDir, name, file), join(dir, file));
  const packed = readFileSync(join(fixturesDir, name, 'model.safetensors.gz'));
  writeFileSync(join(dir, 'model.safetensors'), gunzipSync(packed));
  return dir;
}

export function expectedOf(name: NemotronCheckpoint): Expected {
  return JSON.parse(readFileSync(join(fixturesDir, name, 'expected.json'), 'utf8')) as Expected;
}

/** The signal that the script computes, too. */
export function signalOf(samples: number): Float32Array {
  return Float32Array.from({ length: samples }, (_, t) => {
    const wave = 0.3 * Math.sin(t * 0.21) * Math.sin(t * 0.0007);
    return wave + 0.2 * Math.sin(t * 0.043 + 1) * Math.cos(t * 0.0011) + 0.1 * Math.sin(t * t * 2e-6);
  });
}

/** The largest difference. */
export function distance(values: Float32Array, expected: Float32Array): number {
  if (values.length !== expected.length) return Infinity;
  return values.reduce((max, value, i) => Math.max(max, Math.abs(value - (expected[i] ?? NaN))), 0);
}

export const floats = decodeFloats;
