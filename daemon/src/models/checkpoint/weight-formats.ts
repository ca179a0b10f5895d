/** Formats of the weights of a model directory, from the headers of its files. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Dtype } from '#native/index.js';
import { validateSafetensors } from '#native/safetensors/validate.js';

import { openNamedArrays, type Namings } from './naming.js';
import { SINGLE_FILES } from './weight-store.js';

export interface StoredWeights {
  /** Dtype of a weight by its network name; the common dtype if it is missing. */
  dtypeOf(name: string): Dtype;
  isQuantized(layer: string): boolean;
}

export interface FileWeights extends StoredWeights {
  /** Whether a weight of the network is stored under a name of its own; it may be computed from others instead. */
  isStored(name: string): boolean;
}

const DTYPES: Readonly<Record<string, Dtype>> = { F16: 'float16', BF16: 'bfloat16', F32: 'float32' };

/**
 * @param common the weight whose dtype is that of the activations; it is never quantized
 * @throws SottoError as `openNamedArrays`; SafetensorsError
 */
export async function storedWeights<Other extends string>(
  dir: string,
  namings: Namings<Other>,
  common: string,
): Promise<FileWeights> {
  const entries = await readdir(dir);
  const single = SINGLE_FILES.find((name) => entries.includes(name));
  const shards = entries.filter((name) => name.endsWith('.safetensors'));
  const files = single === undefined ? shards : [single];
  if (files.length === 0) return withoutHeaders(dir, namings, common);
  const found = new Map<string, string>();
  for (const file of files) {
    for (const [stored, { dtype }] of validateSafetensors(join(dir, file)).tensors) found.set(stored, dtype);
  }
  const names = new Set(found.keys());
  const { schemes } = namings;
  const naming = schemes.find(({ recognizes }) => recognizes(names)) ?? schemes[0];
  const dtypes = new Map<string, Dtype>();
  for (const [stored, format] of found) {
    const role = naming?.roleOf(stored);
    const dtype = DTYPES[format];
    if (role !== undefined && 'name' in role) dtypes.set(role.name, dtype ?? 'uint32');
  }
  const defaultDtype = dtypes.get(common) ?? 'float16';
  return {
    dtypeOf: (name) => dtypes.get(name) ?? defaultDtype,
    isQuantized: (layer) => dtypes.has(`${layer}.scales`),
    isStored: (name) => dtypes.has(name),
  };
}

/** For weights.npz; throws for a directory without weights. */
async function withoutHeaders<Other extends string>(
  dir: string,
  namings: Namings<Other>,
  common: string,
): Promise<FileWeights> {
  const arrays = await openNamedArrays(dir, namings);
  try {
    const { names } = arrays;
    const sample = await arrays.weight(common);
    const { dtype } = sample;
    sample.dispose();
    return {
      dtypeOf: () => dtype,
      isQuantized: (layer) => names.has(`${layer}.scales`),
      isStored: (name) => names.has(name),
    };
  } finally {
    arrays.close();
  }
}
