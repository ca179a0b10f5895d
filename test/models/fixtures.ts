/** Where the models' tests find their fixtures, real weights and speech; none of the last two is in every clone. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from '@jest/globals';
import type { SpeechModel } from '#daemon/models/speech-model.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import type { Missing } from '#test/harness/skipping.js';
import { streamOf } from '#test/harness/speech.js';

export { samplesOf, starterModel, streamOf } from '#test/harness/speech.js';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A file that test/reference/make-whisper-fixtures.py made. */
export function fixture(name: string): string {
  return join(root, 'test/fixtures/whisper', name);
}

/** float32 values that the fixtures hold as base64. */
export function decodeFloats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** The folder of a clip: what the repository holds, or the speech that lies beside the checkout. */
export function clip(file: string): string | undefined {
  const folders = [join(root, 'assets/speech'), process.env.SOTTO_SPEECH, join(root, '../shared/speech')];
  return folders
    .filter((folder) => folder !== undefined)
    .map((folder) => join(folder, file))
    .find((path) => existsSync(path));
}

/** Why a test can't hear these clips. */
export function missingClips(...files: string[]): Missing {
  const missing = files.filter((file) => clip(file) === undefined);
  return missing.length === 0 ? undefined : `no ../shared/speech: ${missing.join(', ')}`;
}

/** The float16 weights of `base` and `tiny.en`: `$SOTTO_TEST_WEIGHTS`, or made once where the maker is at hand. */
export function realWeights(name: 'base' | 'tiny.en'): { dir: string } | { missing: string } {
  const folder = `whisper-${name}`;
  const given = process.env.SOTTO_TEST_WEIGHTS;
  const cache = join(root, 'test/reference/.weights');
  for (const place of given === undefined ? [cache] : [resolve(given), cache]) {
    if (existsSync(join(place, folder, 'weights.safetensors'))) return { dir: join(place, folder) };
  }
  const maker = join(root, '../shared/tools/get-weights');
  if (!existsSync(maker)) {
    return { missing: `no float16 weights: set SOTTO_TEST_WEIGHTS to a folder with ${folder}` };
  }
  const made = mkdtempSync(`${cache}-`);
  try {
    const { status, stderr } = spawnSync(maker, [made, 'base', 'tiny.en'], {
      encoding: 'utf8',
      timeout: 100_000,
    });
    if (status !== 0)
      return {
        missing: `no float16 weights: ${basename(maker)} failed, ${stderr.trim().split('\n').at(-1) ?? ''}`,
      };
    if (!existsSync(cache)) renameSync(made, cache); // else another test file was quicker
    return { dir: join(cache, folder) };
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** A whole transcription, English unless told otherwise; no array is left behind. */
export async function transcribed(
  model: SpeechModel,
  samples: Float32Array,
  options: TranscribeOptions = {},
): Promise<TranscribeResult> {
  const live = mx.liveArrays();
  const run = model.transcribe(
    streamOf(samples),
    { language: 'en', ...options },
    new AbortController().signal,
  );
  let step = await run.next();
  while (step.done !== true) step = await run.next();
  expect(mx.liveArrays()).toBe(live);
  return step.value;
}

/** Stretches of sound one after another. */
export function joined(...parts: Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
