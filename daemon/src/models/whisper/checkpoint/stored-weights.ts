/** How the weights of a model folder are stored, by the headers of its files alone. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Dtype } from '#native/index.js';
import { validateSafetensors } from '#native/safetensors.js';

import { huggingFaceNaming } from './huggingface-names.js';
import { mlxNaming } from './mlx-names.js';
import { openCheckpoint } from './checkpoint.js';
import type { WhisperConfig } from '../config.js';

export interface StoredWeights {
  /** Of the weight of that name, as the network calls it; of most of them, where there is none. */
  dtypeOf(name: string): Dtype;
  /** Whether a layer is stored packed. */
  isQuantized(layer: string): boolean;
}

const DTYPES: Readonly<Record<string, Dtype>> = { F16: 'float16', BF16: 'bfloat16', F32: 'float32' };

/** @throws SottoError as `openCheckpoint`; SafetensorsError */
export async function storedWeights(dir: string, config: WhisperConfig): Promise<StoredWeights> {
  const entries = await readdir(dir);
  const single = ['weights.safetensors', 'model.safetensors'].find((name) => entries.includes(name));
  const shards = entries.filter((name) => name.endsWith('.safetensors'));
  const files = single === undefined ? shards : [single];
  if (files.length === 0) return withoutHeaders(dir, config);
  const found = new Map<string, string>();
  for (const file of files) {
    for (const [stored, { dtype }] of validateSafetensors(join(dir, file)).tensors) found.set(stored, dtype);
  }
  const naming = huggingFaceNaming.recognizes(new Set(found.keys())) ? huggingFaceNaming : mlxNaming;
  const dtypes = new Map<string, Dtype>();
  for (const [stored, format] of found) {
    const roleOf = naming.roleOf(stored);
    const dtype = DTYPES[format];
    if (roleOf?.role === 'weight') dtypes.set(roleOf.name, dtype ?? 'uint32');
  }
  const most = dtypes.get('decoder.positional_embedding') ?? 'float16';
  return {
    dtypeOf: (name) => dtypes.get(name) ?? most,
    isQuantized: (layer) => dtypes.has(`${layer}.scales`),
  };
}

/** Of weights.npz; or the error that says what is wrong with a folder without weights. */
async function withoutHeaders(dir: string, config: WhisperConfig): Promise<StoredWeights> {
  const checkpoint = await openCheckpoint(dir, config);
  try {
    const { names } = checkpoint;
    const sample = await checkpoint.array('decoder.positional_embedding');
    const { dtype } = sample;
    sample.dispose();
    return { dtypeOf: () => dtype, isQuantized: (layer) => names.has(`${layer}.scales`) };
  } finally {
    checkpoint.close();
  }
}
