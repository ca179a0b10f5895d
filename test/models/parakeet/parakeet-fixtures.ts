/** The tiny checkpoints of test/reference/make-parakeet-fixtures.py, unpacked into directories that a test may damage. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll } from '@jest/globals';

import { decodeFloats, root } from '../model-fixtures.js';

const fixturesDir = join(root, 'test/fixtures/parakeet');

export const PARAKEET_CHECKPOINTS = [
  'ctc-huggingface',
  'tdt-huggingface',
  'rnnt-nemo',
  'hybrid-mlx',
] as const;
export type ParakeetCheckpointName = (typeof PARAKEET_CHECKPOINTS)[number];

let scratch: string | undefined;
let made = 0;
afterAll(() => {
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
});

/** A copy of the checkpoint in a folder without a meaningful name. */
export function parakeetDir(name: ParakeetCheckpointName): string {
  const folder = emptyParakeetDir();
  for (const file of readdirSync(join(fixturesDir, name))) {
    const bytes = readFileSync(join(fixturesDir, name, file));
    if (file.endsWith('.gz')) writeFileSync(join(folder, file.slice(0, -3)), gunzipSync(bytes));
    else writeFileSync(join(folder, file), bytes);
  }
  return folder;
}

export function emptyParakeetDir(): string {
  scratch ??= mkdtempSync(join(tmpdir(), 'sotto-parakeet-'));
  const folder = join(scratch, String(made++));
  mkdirSync(folder);
  return folder;
}

/** What transformers computes from the sample clip. */
export interface ParakeetExpected {
  /** Of the encoder. */
  readonly frames: number;
  /** The first 24 frames of the encoder, row after row. */
  readonly encoder: Float32Array;
  /** Mel frames 200 … 203. */
  readonly features: Float32Array;
  /** Of the transducer: token, frame, frames and log probability. */
  readonly tokens: readonly (readonly [token: number, frame: number, frames: number, logprob: number])[];
  readonly ctc: readonly number[];
  readonly text?: string;
}

export function parakeetExpected(name: ParakeetCheckpointName): ParakeetExpected {
  const all = JSON.parse(readFileSync(join(fixturesDir, 'expected.json'), 'utf8')) as Record<
    string,
    Omit<ParakeetExpected, 'encoder' | 'features'> & { encoder: string; features: string }
  >;
  const found = all[name];
  if (found === undefined) throw new Error(`no expectations for ${name}`);
  return {
    ...found,
    tokens: found.tokens ?? [],
    ctc: found.ctc ?? [],
    encoder: decodeFloats(found.encoder),
    features: decodeFloats(found.features),
  };
}
