/** Formats of the weights of a model directory, from the headers of its files. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Dtype } from '#native/index.js';
import { validateSafetensors } from '#native/safetensors/validate.js';

import { huggingFaceNaming } from './huggingface-names.js';
import { mlxNaming } from './mlx-names.js';
import { openCheckpoint } from './checkpoint.js';
import type { WhisperConfig } from '../whisper-config.js';

export interface StoredWeights {
  /** Dtype of a weight by its network name; the common dtype if it is missing. */
  dtypeOf(name: string): Dtype;
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
    const role = naming.roleOf(stored);
    const dtype = DTYPES[format];
    if (role?.role === 'weight') dtypes.set(role.name, dtype ?? 'uint32');
  }
  const defaultDtype = dtypes.get('decoder.positional_embedding') ?? 'float16';
  return {
    dtypeOf: (name) => dtypes.get(name) ?? defaultDtype,
    isQuantized: (layer) => dtypes.has(`${layer}.scales`),
  };
}

/** For weights.npz; throws for a directory without weights. */
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
