/** The tiny checkpoints of test/reference/make-moonshine-fixtures.py, unpacked into directories that a test may damage. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Recognizer } from '#daemon/models/speech-model.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';

import { decodeFloats, root, streamOf } from '../model-fixtures.js';
import { unpackedDir } from '../checkpoint/checkpoint-dirs.js';

const fixturesDir = join(root, 'test/fixtures/moonshine');

export const MOONSHINE_CHECKPOINTS = ['odd-rotary', 'biases-float16'] as const;
export type MoonshineCheckpoint = (typeof MOONSHINE_CHECKPOINTS)[number];

/** A copy of the checkpoint, as saved by transformers. */
export const moonshineDir = (name: MoonshineCheckpoint): string => unpackedDir(join(fixturesDir, name));

export interface ExpectedClip {
  readonly samples: Float32Array;
  /** [T, D] */
  readonly features: Float32Array;
  /** [prompt, V] */
  readonly logits: Float32Array;
  readonly tokens: readonly number[];
  readonly text: string;
}

export function expectedOf(name: MoonshineCheckpoint): {
  prompt: readonly number[];
  clips: readonly ExpectedClip[];
} {
  const { prompt, clips } = JSON.parse(readFileSync(join(fixturesDir, name, 'expected.json'), 'utf8')) as {
    prompt: number[];
    clips: { samples: number; features: string; logits: string; tokens: number[]; text: string }[];
  };
  return {
    prompt,
    clips: clips.map(({ samples, features, logits, tokens, text }) => ({
      samples: signal(samples),
      features: decodeFloats(features),
      logits: decodeFloats(logits),
      tokens,
      text,
    })),
  };
}

/** Tones whose strength changes, as `signal` of the script. */
export function signal(length: number): Float32Array {
  return Float32Array.from(
    { length },
    (_, t) =>
      0.3 * Math.sin(t * 0.21) * Math.sin(t * 0.0007) + 0.2 * Math.sin(t * 0.043 + 1) * Math.cos(t * 0.0011),
  );
}

/** The result of a transcription of all samples. */
export async function resultOf(
  model: Recognizer,
  samples: Float32Array,
  options: TranscribeOptions = {},
): Promise<TranscribeResult> {
  const run = model.transcribe(streamOf(samples), options, new AbortController().signal);
  for (;;) {
    const { done, value } = await run.next();
    if (done === true) return value;
  }
}
