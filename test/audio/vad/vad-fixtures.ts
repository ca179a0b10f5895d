/** Types and helpers for test/fixtures/vad.json, which test/reference/make-vad-fixtures.py writes. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { SpeechOptions } from '#daemon/audio/vad/index.js';

import { decodeAll } from '../fixtures.js';
import { syntheticAudio } from './synthetic-audio.js';
import { defined } from '#daemon/protocol/defined.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..');
const FOLDERS = { repository: join(root, 'assets/speech'), shared: resolve(root, '../shared/speech') };

type Pairs = [start: number, end: number][];

interface VadClip {
  readonly name: string;
  readonly origin: 'made' | 'repository' | 'shared';
  readonly samples: number;
  /** Sum of the 16-bit samples. */
  readonly sum: number;
  readonly probabilities: number[];
  readonly cut: { readonly options: ReferenceOptions; readonly segments: Pairs }[];
}

interface SyntheticCase {
  readonly probabilities: number[];
  readonly samples: number;
  readonly options: ReferenceOptions;
  readonly segments: Pairs;
}

interface ReferenceOptions {
  readonly threshold?: number;
  readonly neg_threshold?: number;
  readonly min_speech_duration_ms?: number;
  readonly min_silence_duration_ms?: number;
  readonly speech_pad_ms?: number;
  readonly max_speech_duration_s?: number;
}

export const fixtures = JSON.parse(readFileSync(join(root, 'test/fixtures/vad.json'), 'utf8')) as {
  readonly clips: VadClip[];
  readonly synthetic: SyntheticCase[];
};

/** Converts reference options; two defaults differ. */
export function toSpeechOptions(reference: ReferenceOptions): SpeechOptions {
  return {
    threshold: reference.threshold ?? 0.5,
    ...defined({ negativeThreshold: reference.neg_threshold }),
    minSpeechMs: reference.min_speech_duration_ms ?? 250,
    minSilenceMs: reference.min_silence_duration_ms ?? 100,
    speechPadMs: reference.speech_pad_ms ?? 30,
    maxSpeechSeconds: reference.max_speech_duration_s ?? Infinity,
  };
}

function pathOf({ name, origin }: VadClip): string | undefined {
  return origin === 'made' ? undefined : join(FOLDERS[origin], name);
}

/** Whether the clip is available: the shared folder next to the checkout may be missing. */
export function isAvailable(clip: VadClip): boolean {
  const path = pathOf(clip);
  return path === undefined || existsSync(path);
}

export async function samplesOf(clip: VadClip): Promise<Float32Array> {
  const path = pathOf(clip);
  return path === undefined ? syntheticAudio(clip.name) : (await decodeAll(path)).samples;
}
