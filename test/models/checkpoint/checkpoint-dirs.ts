/** The tiny checkpoints of test/reference/make-checkpoint-fixtures.py, unpacked into directories that a test may damage. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll } from '@jest/globals';

import { root, decodeFloats } from '../model-fixtures.js';

const fixturesDir = join(root, 'test/fixtures/checkpoints');

export const CHECKPOINTS: readonly string[] = readdirSync(fixturesDir).sort();

let scratch: string | undefined;
let made = 0;
afterAll(() => {
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
});

export function emptyDir(): string {
  scratch ??= mkdtempSync(join(tmpdir(), 'sotto-checkpoints-'));
  const folder = join(scratch, String(made++)); // a meaningless name
  mkdirSync(folder);
  return folder;
}

/** A copy of the checkpoint, as saved by its library. */
export const checkpointDir = (name: string): string => unpackedDir(join(fixturesDir, name));

/** A copy of a folder of fixtures with its gzipped files unpacked, without what the library computed. */
export function unpackedDir(from: string): string {
  const folder = emptyDir();
  for (const file of readdirSync(from)) {
    const bytes = readFileSync(join(from, file));
    if (file.endsWith('.gz')) writeFileSync(join(folder, file.slice(0, -3)), gunzipSync(bytes));
    else if (file !== 'expected.json') writeFileSync(join(folder, file), bytes);
  }
  return folder;
}

export interface Expected {
  readonly prompt: readonly number[];
  /** [nAudioCtx, D] */
  readonly features: Float32Array;
  /** Every `logitsStep`th logit after the prompt. */
  readonly logits: Float32Array;
  readonly logitsStep: number;
}

export function expectedOf(name: string): Expected {
  const json = JSON.parse(readFileSync(join(fixturesDir, name, 'expected.json'), 'utf8')) as {
    prompt: number[];
    features: string;
    logits: string;
    logitsStep: number;
  };
  return { ...json, features: decodeFloats(json.features), logits: decodeFloats(json.logits) };
}

export function editJson(path: string, edit: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  edit(json);
  writeFileSync(path, JSON.stringify(json));
}
