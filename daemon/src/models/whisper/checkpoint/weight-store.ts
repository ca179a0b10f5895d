/** The weights files of a model folder as one store of arrays under the names that the files give them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { readSmallFile } from '#daemon/read-small-file.js';
import { mx, type MxArray } from '#native/index.js';
import { mapSafetensors } from '#native/mapped-safetensors.js';

import { MAX_CONFIG_BYTES } from '../../config-file.js';

export interface WeightStore {
  /** Paths of the files. */
  readonly files: readonly string[];
  readonly names: ReadonlySet<string>;
  /** The array of that name, which the caller owns. To be asked for once. Its bytes may be read only when they are used. */
  array(name: string): Promise<MxArray>;
  /** Frees the arrays that nobody asked for, and the files. */
  close(): void;
}

const SINGLE_FILES = ['weights.safetensors', 'model.safetensors'];
const INDEX = 'model.safetensors.index.json';
const NUMPY = 'weights.npz';

/** Files that only running the code in them would read. */
const PICKLES = /^(?:pytorch_model.*\.bin|.*\.(?:pt|pth|ckpt))$/;

/**
 * Opens the weights in `dir`, whatever files hold them. Headers are read and checked, the arrays not yet.
 *
 * @param entries the names in the folder
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
  const pickle = entries.find((name) => PICKLES.test(name));
  if (pickle !== undefined) {
    throw new SottoError('MODEL_UNSUPPORTED', `${join(dir, pickle)}: weights in PyTorch's pickle format`, {
      hint: 'reading a pickle runs code out of it, so Sotto does not: save the model again with safetensors (in transformers: save_pretrained)',
    });
  }
  throw new SottoError(
    'MODEL_CORRUPT',
    `${dir}: there is no ${SINGLE_FILES.join(', ')}, ${INDEX} or ${NUMPY} in the model folder`,
  );
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
    // Nothing that climbs out of the folder.
    if (!/^[\w.-]+\.safetensors$/.test(shard)) {
      throw new SottoError(
        'MODEL_CORRUPT',
        `${index}: ${JSON.stringify(shard)} is no name of a weights file`,
      );
    }
    if (!existsSync(join(dir, shard))) {
      throw new SottoError('MODEL_CORRUPT', `${join(dir, shard)} is missing, yet ${INDEX} names it`);
    }
  }
  return safetensorsStore(
    shards.map((shard) => join(dir, shard)),
    (name, at) => {
      const shard = shardOf.get(name);
      if (shard === undefined || join(dir, shard) !== at) {
        throw new SottoError('MODEL_CORRUPT', `${at}: ${name} is there, but not by ${INDEX}`);
      }
    },
    [...shardOf.keys()],
  );
}

/** @param check called with each array and its file @param expected names that must be there */
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
        `${files.join(', ')}: the index names what is not there: ${missing.slice(0, 8).join(', ')}`,
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
