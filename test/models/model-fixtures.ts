/** Fixtures, real weights and speech for the tests of models; not every clone has the last two. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from '@jest/globals';
import type { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import type { Missing } from '#test/harness/skipping.js';
import { streamOf } from '#test/harness/sample-speech.js';
import type { WhisperResult } from '#daemon/models/whisper/whisper-options.js';

export { samplesOf, starterModel, streamOf } from '#test/harness/sample-speech.js';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A file of test/reference/make-whisper-fixtures.py. */
export function fixture(name: string): string {
  return join(root, 'test/fixtures/whisper', name);
}

/** Decodes float32 values from base64. */
export function decodeFloats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** The path of a clip in the repository or in the speech directory next to the checkout. */
export function clip(file: string): string | undefined {
  const folders = [join(root, 'assets/speech'), process.env.SOTTO_SPEECH, join(root, '../shared/speech')];
  return folders
    .filter((folder) => folder !== undefined)
    .map((folder) => join(folder, file))
    .find((path) => existsSync(path));
}

/** The reason to skip a test without these clips. */
export function missingClips(...files: string[]): Missing {
  const missing = files.filter((file) => clip(file) === undefined);
  return missing.length === 0 ? undefined : `no ../shared/speech: ${missing.join(', ')}`;
}

/** The float16 weights of `base` and `tiny.en`: `$SOTTO_TEST_WEIGHTS`, or created once by the shared tool. */
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

/** Transcribes, in English by default, and checks that no array leaks. */
export async function transcribed(
  model: WhisperModel,
  samples: Float32Array,
  options: TranscribeOptions = {},
): Promise<WhisperResult> {
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

/** Concatenates audio. */
export function joined(...parts: Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
