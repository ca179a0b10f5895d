/** Opens a model directory: its config, and its arrays in the layout of our network. */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import { swapped, type Checkpoint } from '../checkpoint/checkpoint-network.js';
import { asModelError } from '../checkpoint/model-error.js';
import { openNamedArrays, type NamedArrays } from '../checkpoint/naming.js';
import { readConfigFile } from '../config-file.js';
import { foldWeightNorm } from '../layers/weight-norm.js';
import { POSITIONS_WEIGHT, WAV2VEC2_NAMINGS, type Wav2Vec2Role } from './wav2vec2-namings.js';
import { parseWav2Vec2Config, type Wav2Vec2Config } from './wav2vec2-config.js';

/** @throws SottoError as `readConfigFile` and `parseWav2Vec2Config` */
export async function readConfig(dir: string): Promise<Wav2Vec2Config> {
  return parseWav2Vec2Config(await readConfigFile(dir));
}

/**
 * Opens the weights of a model directory.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function openCheckpoint(
  dir: string,
  config: Wav2Vec2Config,
): Promise<Checkpoint<Wav2Vec2Config>> {
  const arrays = await openNamedArrays(dir, WAV2VEC2_NAMINGS);
  let positions: MxArray | undefined;
  try {
    positions = await foldedPositions(arrays);
  } catch (error) {
    arrays.close();
    throw asModelError(error, dir);
  }
  const isSwapped = arrays.layout === 'huggingface';
  return {
    layout: arrays.layout,
    config,
    files: arrays.files,
    names: new Set([...arrays.names, ...(positions ? [POSITIONS_WEIGHT] : [])]),
    array: async (name) => {
      if (name === POSITIONS_WEIGHT && positions !== undefined) {
        const folded = positions;
        positions = undefined;
        return folded;
      }
      const array = await arrays.weight(name);
      // PyTorch has kernels as [out, in, k], MLX as [out, k, in].
      return isSwapped && array.ndim === 3 ? swapped(array, 1, 2) : array;
    },
    close: () => {
      positions?.dispose();
      arrays.close();
    },
  };
}

/** The kernel [D, k, D / groups] of a checkpoint with weight norm; undefined if it is folded already. */
async function foldedPositions(arrays: NamedArrays<Wav2Vec2Role>): Promise<MxArray | undefined> {
  const [magnitudes, directions] = [await arrays.other('magnitudes'), await arrays.other('directions')];
  try {
    if (magnitudes === undefined && directions === undefined) return undefined;
    if (magnitudes === undefined || directions === undefined || directions.ndim !== 3) {
      throw new SottoError(
        'MODEL_CORRUPT',
        `${arrays.location}: the weight norm of ${POSITIONS_WEIGHT} is incomplete`,
      );
    }
    return swapped(foldWeightNorm(magnitudes, directions), 1, 2);
  } finally {
    mx.dispose(magnitudes, directions);
  }
}
