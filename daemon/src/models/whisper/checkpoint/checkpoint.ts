/**
 * Opens a model directory of any origin: its config, and its arrays by the names and in the layout of our network. Only the
 * contents of the files count, not their names or the directory's.
 */
import { join } from 'node:path';
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { readSmallFile } from '#daemon/read-small-file.js';
import { mx, type MxArray } from '#native/index.js';

import { checkPositions } from '../../audio-encoder/check-positions.js';
import { isSameArray, swapped, type Checkpoint } from '../../checkpoint/checkpoint-network.js';
import { asModelError } from '../../checkpoint/model-error.js';
import { openNamedArrays, type NamedArrays } from '../../checkpoint/naming.js';
import { MAX_CONFIG_BYTES, readConfigFile } from '../../config-file.js';
import { parseConfig, type WhisperConfig } from '../whisper-config.js';
import { WHISPER_NAMINGS, type WhisperRole } from './whisper-namings.js';

/** Its config has the alignment heads of the checkpoint. */
export type WhisperCheckpoint = Checkpoint<WhisperConfig>;

/** Kernel size of both convolutions: identifies the layout of their weights. */
const KERNEL_SIZE = 3;

/** Reads `config.json` and `generation_config.json` of a model directory. */
export async function readConfig(dir: string): Promise<WhisperConfig> {
  const config = parseConfig(await readConfigFile(dir));
  const alignmentHeads = validHeads(generationHeads(dir), config);
  return { ...config, ...defined({ alignmentHeads }) };
}

/**
 * Opens the weights of a model directory.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys.
 */
export async function openCheckpoint(dir: string, config: WhisperConfig): Promise<WhisperCheckpoint> {
  const arrays = await openNamedArrays(dir, WHISPER_NAMINGS);
  try {
    return await whisperCheckpoint(arrays, config);
  } catch (error) {
    arrays.close();
    throw asModelError(error, dir);
  }
}

async function whisperCheckpoint(
  arrays: NamedArrays<WhisperRole>,
  config: WhisperConfig,
): Promise<WhisperCheckpoint> {
  const { layout, location, files, names } = arrays;
  const heads = await arrays.other('alignment heads');
  const alignmentHeads = config.alignmentHeads ?? validHeads(await readHeads(heads), config);
  const positions = await arrays.other('positions');
  if (positions) await checkPositions(positions, [config.nAudioCtx, config.nAudioState], location);
  const output = await arrays.other('output layer');
  return {
    layout,
    config: { ...config, ...defined({ alignmentHeads }) },
    files,
    names,
    array: async (name) => {
      const array = await arrays.weight(name);
      if (output && name === 'decoder.token_embedding.weight' && !(await isSameArray(array, output))) {
        array.dispose();
        throw new SottoError(
          'MODEL_UNSUPPORTED',
          `${location}: proj_out.weight differs from the token embedding`,
        );
      }
      return isKernel(name) ? kernel(array) : array;
    },
    close: () => {
      output?.dispose();
      arrays.close();
    },
  };
}

const isKernel = (name: string): boolean => /^encoder\.conv[12]\.weight$/.test(name);

/** PyTorch has kernels as [out, in, k], MLX as [out, k, in]. */
function kernel(array: MxArray): MxArray {
  const [, inner, last] = array.shape;
  if (array.ndim !== 3 || last !== KERNEL_SIZE || inner === KERNEL_SIZE) return array;
  return swapped(array, 1, 2);
}

const heads = v.array(v.tuple([v.pipe(v.number(), v.integer()), v.pipe(v.number(), v.integer())]));

/** `alignment_heads` of `generation_config.json`; undefined if missing or unreadable. */
function generationHeads(dir: string): unknown {
  try {
    const json: unknown = JSON.parse(
      readSmallFile(join(dir, 'generation_config.json'), MAX_CONFIG_BYTES, MODEL_FILE),
    );
    return typeof json === 'object' && json !== null && 'alignment_heads' in json
      ? json.alignment_heads
      : undefined;
  } catch {
    return undefined; // the file is optional
  }
}

async function readHeads(array: MxArray | undefined): Promise<unknown> {
  if (array === undefined) return undefined;
  const small = mx.tidy(() => mx.astype(array, 'int32'));
  await mx.ready(small);
  const list = small.tolist();
  mx.dispose(array, small);
  return list;
}

function validHeads(found: unknown, config: WhisperConfig): [number, number][] | undefined {
  const parsed = v.safeParse(heads, found);
  if (!parsed.success || parsed.output.length === 0) return undefined;
  const isInRange = parsed.output.every(
    ([layer, head]) => layer >= 0 && layer < config.nTextLayer && head >= 0 && head < config.nTextHead,
  );
  return isInRange ? parsed.output : undefined;
}
