/** The tiny checkpoints of test/reference/make-wav2vec2-fixtures.py, and the samples that its results are for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Recognizer } from '#daemon/models/speech-model.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { unpackedDir } from '../checkpoint/checkpoint-dirs.js';
import { decodeFloats, root, streamOf } from '../model-fixtures.js';

const fixturesDir = join(root, 'test/fixtures/wav2vec2');

export type Name = 'base' | 'large-stable' | 'fine-tuned' | 'downsampled' | 'mms';
export const NAMES: readonly Name[] = ['base', 'large-stable', 'fine-tuned', 'downsampled', 'mms'];

interface Output {
  readonly frames: number;
  /** Id, first frame, frame after the last. */
  readonly tokens: readonly (readonly [id: number, start: number, end: number])[];
  readonly text: string;
}

export interface ExpectedOutput extends Output {
  /** [frames, vocabulary] */
  readonly logits: Float32Array;
  /** Words with their first frame, and the frame after the last. */
  readonly aligned?: readonly (readonly [word: string, start: number, end: number])[];
  /** By the name in the file. */
  readonly adapters?: Readonly<Record<string, Output>>;
}

/** A copy of the checkpoint as transformers saves it, which a test may damage. */
export const wav2vec2Dir = (name: Name): string => unpackedDir(join(fixturesDir, name));

export function expectedOutput(name: Name): ExpectedOutput {
  const json = JSON.parse(readFileSync(join(fixturesDir, name, 'expected.json'), 'utf8')) as Output & {
    logits: string;
  };
  return { ...json, logits: decodeFloats(json.logits) };
}

const LENGTH = 20_123;

/** As in the script. */
export function testSamples(): Float32Array {
  return Float32Array.from(
    { length: LENGTH },
    (_, n) => 0.3 * Math.sin(1e-5 * n * n) * Math.sin(1e-3 * n) + 0.05,
  );
}

/** Transcribes all of the samples. */
export async function transcribedAll(
  model: Recognizer,
  samples: Float32Array,
  options: TranscribeOptions = {},
): Promise<TranscribeResult> {
  const events = model.transcribe(
    streamOf(samples),
    { vad: false, ...options },
    new AbortController().signal,
  );
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value;
  }
}

export const idsOf = ({ segments }: TranscribeResult): number[] =>
  segments.flatMap(({ tokens = [] }) => tokens);
