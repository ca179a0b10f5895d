/** The weight files of a model directory as one store of arrays by their stored names. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { readSmallFile } from '#daemon/read-small-file.js';
import { mx, type MxArray } from '#native/index.js';
import { mapSafetensors } from '#native/safetensors/map.js';

import { MAX_CONFIG_BYTES } from '../config-file.js';
import { pickleError } from './pickles.js';

export interface WeightStore {
  /** Paths of the files. */
  readonly files: readonly string[];
  readonly names: ReadonlySet<string>;
  /** The caller owns the array. Call once per name. Its bytes may be read only at evaluation. */
  array(name: string): Promise<MxArray>;
  /** Frees the arrays that were not requested, and closes the files. */
  close(): void;
}

export const SINGLE_FILES = ['weights.safetensors', 'model.safetensors'];
const INDEX = 'model.safetensors.index.json';
const NUMPY = 'weights.npz';

/**
 * Opens the weights in `dir` in any supported format. Validates headers; reads no arrays yet.
 *
 * @param entries the names in the directory
 * @throws SottoError MODEL_CORRUPT, MODEL_UNSUPPORTED; SafetensorsError
 */
export async function openWeights(dir: string, entries: readonly string[]): Promise<WeightStore> {
  const single = SINGLE_FILES.find((name) => entries.includes(name));
  if (single !== undefined) return safetensorsStore([join(dir, single)]);
  if (entries.includes(INDEX)) return shardedStore(dir);
  if (entries.includes(NUMPY)) {
    const { openNpz } = await import('./npz.js');
    return openNpz(join(dir, NUMPY));
  }
  const pickle = pickleError(dir, entries);
  if (pickle !== undefined) throw pickle;
  throw new SottoError('MODEL_CORRUPT', `${dir}: found no ${SINGLE_FILES.join(', ')}, ${INDEX} or ${NUMPY}`);
}

const shardIndex = v.object({ weight_map: v.record(v.string(), v.string()) });

function shardedStore(dir: string): WeightStore {
  const index = join(dir, INDEX);
  const text = readSmallFile(index, MAX_CONFIG_BYTES, MODEL_FILE);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SottoError('MODEL_CORRUPT', `${index} is not JSON`, { cause });
  }
  const parsed = v.safeParse(shardIndex, json);
  if (!parsed.success) throw new SottoError('MODEL_CORRUPT', `${index} has no weight_map of file names`);
  const shardOf = new Map(Object.entries(parsed.output.weight_map));
  const shards = [...new Set(shardOf.values())].sort();
  for (const shard of shards) {
    // No path outside the directory.
    if (!/^[\w.-]+\.safetensors$/.test(shard)) {
      throw new SottoError('MODEL_CORRUPT', `${index}: ${JSON.stringify(shard)} is not a weights file`);
    }
    if (!existsSync(join(dir, shard))) {
      throw new SottoError('MODEL_CORRUPT', `${join(dir, shard)} is missing, but listed in ${INDEX}`);
    }
  }
  return safetensorsStore(
    shards.map((shard) => join(dir, shard)),
    (name, at) => {
      const shard = shardOf.get(name);
      if (shard === undefined || join(dir, shard) !== at) {
        throw new SottoError('MODEL_CORRUPT', `${at}: ${name} is not listed in ${INDEX}`);
      }
    },
    [...shardOf.keys()],
  );
}

/** @param check called with each array and its file @param expected required names */
function safetensorsStore(
  files: readonly string[],
  check: (name: string, file: string) => void = () => undefined,
  expected: readonly string[] = [],
): WeightStore {
  const arrays = new Map<string, MxArray>();
  try {
    for (const file of files) {
      const inFile = mapSafetensors(file);
      for (const [name, array] of inFile) {
        arrays.get(name)?.dispose();
        arrays.set(name, array);
      }
      for (const name of inFile.keys()) check(name, file);
    }
    const missing = expected.filter((name) => !arrays.has(name));
    if (missing.length > 0) {
      throw new SottoError(
        'MODEL_CORRUPT',
        `${files.join(', ')}: missing arrays of the index: ${missing.slice(0, 8).join(', ')}`,
      );
    }
  } catch (error) {
    mx.dispose([...arrays.values()]);
    throw error;
  }
  const names = new Set(arrays.keys());
  return {
    files,
    names,
    array: (name) => {
      const array = arrays.get(name);
      if (array === undefined) return Promise.reject(new RangeError(`${name} is not in ${files.join(', ')}`));
      arrays.delete(name);
      return Promise.resolve(array);
    },
    close: () => {
      mx.dispose([...arrays.values()]);
      arrays.clear();
    },
  };
}
