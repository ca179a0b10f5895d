/** Opens a Moonshine directory as transformers saves it: its config, and its arrays in the layout of our network. */
import { SottoError } from '#daemon/protocol/errors.js';

import { isSameArray, swapped, type Checkpoint } from '../checkpoint/checkpoint-network.js';
import { asModelError } from '../checkpoint/model-error.js';
import { type NamedArrays, type Namings, openNamedArrays } from '../checkpoint/naming.js';
import { readConfigFile } from '../config-file.js';
import { readGenerationConfig } from './generation-config.js';
import { parseConfig, type MoonshineConfig } from './moonshine-config.js';
import { CONVOLUTIONS } from './moonshine-network.js';

const EMBEDDING = 'decoder.embed_tokens.weight';

/** Its dtype is that of the activations. */
export const COMMON_WEIGHT = 'decoder.norm.weight';

export const MOONSHINE_NAMINGS: Namings<'output layer'> = {
  family: 'Moonshine',
  schemes: [
    {
      layout: 'huggingface',
      // Models saved without their output layer lack the `model.` prefix.
      recognizes: (names) => names.has(`model.${EMBEDDING}`) || names.has(EMBEDDING),
      roleOf: (stored) => {
        if (stored === 'proj_out.weight') return { role: 'output layer' };
        const name = stored.replace(/^model\./, '');
        // Computed, not learned; early versions stored it.
        if (/^(encoder|decoder)\.rotary_emb\.inv_freq$/.test(name)) return { role: 'ignored' };
        return /^(encoder|decoder)\./.test(name) ? { role: 'weight', name } : undefined;
      },
    },
  ],
};

export async function readConfig(dir: string): Promise<MoonshineConfig> {
  return parseConfig(await readConfigFile(dir), readGenerationConfig(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export async function openCheckpoint(
  dir: string,
  config: MoonshineConfig,
): Promise<Checkpoint<MoonshineConfig>> {
  const arrays = await openNamedArrays(dir, MOONSHINE_NAMINGS);
  try {
    return await checkpointOf(arrays, config);
  } catch (error) {
    arrays.close();
    throw asModelError(error, dir);
  }
}

async function checkpointOf(
  arrays: NamedArrays<'output layer'>,
  config: MoonshineConfig,
): Promise<Checkpoint<MoonshineConfig>> {
  const { layout, location, files, names } = arrays;
  const output = await arrays.other('output layer');
  return {
    layout,
    config,
    files,
    names,
    array: async (name) => {
      const array = await arrays.weight(name);
      if (output && name === EMBEDDING && !(await isSameArray(array, output))) {
        array.dispose();
        throw new SottoError(
          'MODEL_UNSUPPORTED',
          `${location}: proj_out.weight differs from the token embedding`,
        );
      }
      // PyTorch has kernels as [out, in, k], MLX as [out, k, in].
      return isKernel(name) && array.ndim === 3 ? swapped(array, 1, 2) : array;
    },
    close: () => {
      output?.dispose();
      arrays.close();
    },
  };
}

/** Whether a weight is the kernel of a convolution. */
export function isKernel(name: string): boolean {
  return CONVOLUTIONS.some((_, i) => name === `encoder.conv${i + 1}.weight`);
}
