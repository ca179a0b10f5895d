/** The checkpoints of test/reference/make-encodec-fixtures.py. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { openCheckpoint, readConfig } from '#daemon/models/codecs/encodec/encodec-checkpoint.js';
import { loadEncodec } from '#daemon/models/codecs/encodec/encodec-model.js';
import { Encodec } from '#daemon/models/codecs/encodec/encodec-network.js';
import { mx, type MxArray } from '#native/index.js';

import { codecDir, expectedOf, testSamples, type Packed } from '../codec-fixtures.js';

export const NAMES = ['causal', 'dilated', 'segments'] as const;
export type Name = (typeof NAMES)[number];

export interface Case {
  /** Samples for each channel. */
  readonly length: number;
  readonly bandwidth: number;
  /** Codes of each segment; one for a causal network. */
  readonly segments: readonly (readonly (readonly number[])[])[];
  readonly scales: readonly number[];
  /** [samples, channels] */
  readonly audio: Packed;
}

export interface ExpectedEncodec {
  /** Of the longest case, or of a whole segment: [frames, hidden_size] */
  readonly latents: Packed;
  readonly cases: readonly Case[];
  readonly ecdc: readonly { readonly length: number; readonly bandwidth: number; readonly file: string }[];
}

export const expectedEncodec = (name: Name): ExpectedEncodec => expectedOf(`encodec-${name}`);

/** @param spelling of the names of the arrays */
export function encodecDir(name: Name, spelling: 'transformers' | 'meta' = 'transformers'): string {
  const dir = codecDir(`encodec-${name}`);
  if (spelling === 'meta') renameSync(join(dir, 'meta.safetensors'), join(dir, 'model.safetensors'));
  else rmSync(join(dir, 'meta.safetensors'));
  return dir;
}

/** As stored, without the faster forms of the layers. */
export async function plainEncodec(dir: string): Promise<Encodec> {
  const config = await readConfig(dir);
  const checkpoint = await openCheckpoint(dir, config);
  try {
    return await networkOf(checkpoint, () => new Encodec(config));
  } finally {
    checkpoint.close();
  }
}

export const loadedEncodec = async (dir: string): Promise<Encodec> => loadEncodec(dir, await readConfig(dir));

/** Interleaved, as in the script: [samples, channels] */
export function channelSamples(length: number, channels: number): Float32Array {
  const all = Array.from({ length: channels }, (_, c) => testSamples(length, 500 * c));
  return Float32Array.from(
    { length: length * channels },
    (_, i) => all[i % channels]?.[Math.floor(i / channels)] ?? 0,
  );
}

/** [1, length, channels] */
export function channelArray(length: number, channels: number): MxArray {
  return mx.array(channelSamples(length, channels), [1, length, channels]);
}

export const codesArray = (codes: readonly (readonly number[])[]): MxArray =>
  mx.array(Uint32Array.from(codes.flat()), [1, codes.length, codes[0]?.length ?? 0]);
