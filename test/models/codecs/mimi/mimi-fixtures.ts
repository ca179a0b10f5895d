/** The checkpoints of test/reference/make-mimi-fixtures.py. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { openCheckpoint, readConfig } from '#daemon/models/codecs/mimi/mimi-checkpoint.js';
import { loadMimi } from '#daemon/models/codecs/mimi/mimi-model.js';
import { Mimi } from '#daemon/models/codecs/mimi/mimi-network.js';
import { mx, type MxArray } from '#native/index.js';

import { codecDir, expectedOf, testSamples, type Packed } from '../codec-fixtures.js';
import { renameArrays } from '../../checkpoint/edit-safetensors.js';

export const NAMES = ['tiny', 'variant'] as const;
export type Name = (typeof NAMES)[number];
export const HOP = 48;

export interface ExpectedMimi {
  /** Of the longest case: [frames, hidden_size] */
  readonly latents: Packed;
  readonly cases: readonly {
    readonly length: number;
    readonly codes: readonly (readonly number[])[];
    /** [samples, 1] */
    readonly audio: Packed;
  }[];
}

export const expectedMimi = (name: Name): ExpectedMimi => expectedOf(`mimi-${name}`);

/** `older`: as transformers saves it; `newer`: as it has the arrays in memory. */
export type Spelling = 'older' | 'newer' | 'kyutai' | 'older kyutai';

export function mimiDir(name: Name, spelling: Spelling = 'older'): string {
  const dir = codecDir(`mimi-${name}`);
  const [weights, kyutai] = ['model', 'kyutai'].map((file) => join(dir, `${file}.safetensors`)) as [
    string,
    string,
  ];
  if (spelling.endsWith('kyutai')) renameSync(kyutai, weights);
  else if (existsSync(kyutai)) rmSync(kyutai);
  if (spelling === 'newer') renameArrays(weights, toNewer);
  if (spelling === 'older kyutai') renameArrays(weights, toOlderKyutai);
  return dir;
}

function toNewer(name: string): string {
  if (/^(?:encoder|decoder)\.layers/.test(name)) return name.replace(/^(\w+)\./, '$1.$1_seanet.');
  if (/^(?:encoder_transformer|downsample)\./.test(name)) return `encoder.${name}`;
  return /^(?:decoder_transformer|upsample)\./.test(name) ? `decoder.${name}` : name;
}

const toOlderKyutai = (name: string): string =>
  name.replace('in_projs.0.weight', 'in_proj_weight').replace('out_projs.0.', 'out_proj.');

/** As stored, without the faster forms of the layers. */
export async function plainMimi(dir: string): Promise<Mimi> {
  const config = await readConfig(dir);
  const checkpoint = await openCheckpoint(dir, config);
  try {
    return await networkOf(checkpoint, () => new Mimi(config));
  } finally {
    checkpoint.close();
  }
}

export const loadedMimi = async (dir: string): Promise<Mimi> => loadMimi(dir, await readConfig(dir));

/** [1, length, 1] */
export const sampleArray = (length: number): MxArray => mx.array(testSamples(length), [1, length, 1]);
