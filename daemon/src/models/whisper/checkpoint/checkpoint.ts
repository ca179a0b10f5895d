/**
 * Opens a model directory of any origin: its config, and its arrays by the names and in the layout of our network. Only the
 * contents of the files count, not their names or the directory's.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { codeOf, messageOf, SottoError } from '#daemon/protocol/errors.js';
import { fileError, MODEL_FILE } from '#daemon/protocol/file-errors.js';
import { readSmallFile } from '#daemon/read-small-file.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { SafetensorsError } from '#native/safetensors/validate.js';

import { MAX_CONFIG_BYTES, readConfigFile } from '../../config-file.js';
import { huggingFaceNaming } from './huggingface-names.js';
import { mlxNaming } from './mlx-names.js';
import { parseConfig, type WhisperConfig } from '../whisper-config.js';
import { openWeights, type WeightStore } from './weight-store.js';

type ArrayRole =
  | { readonly role: 'weight'; readonly name: string }
  | { readonly role: 'positions' | 'output layer' | 'alignment heads' | 'ignored' };

/** A naming scheme for the arrays of a checkpoint. */
export interface Naming {
  readonly layout: 'mlx' | 'huggingface';
  readonly recognizes: (names: ReadonlySet<string>) => boolean;
  /** Undefined for a name that does not belong to a Whisper network. */
  readonly roleOf: (stored: string) => ArrayRole | undefined;
}

export interface Checkpoint {
  readonly layout: Naming['layout'];
  /** With the alignment heads of the checkpoint. */
  readonly config: WhisperConfig;
  /** Paths of the weights files. */
  readonly files: readonly string[];
  /** Names of all weights in the network. */
  readonly names: ReadonlySet<string>;
  /** The array in the layout of the network; the caller owns it. Call once per name. */
  array(name: string): Promise<MxArray>;
  /** Frees the arrays that were not requested. */
  close(): void;
}

const NAMINGS: readonly Naming[] = [mlxNaming, huggingFaceNaming];

/** Kernel size of both convolutions: identifies the layout of their weights. */
const KERNEL_SIZE = 3;

/** Rounding error of a sinusoid: at most 0.0005 in float16, 0.004 in bfloat16. */
const POSITIONS_TOLERANCE = 0.01;

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
export async function openCheckpoint(dir: string, config: WhisperConfig): Promise<Checkpoint> {
  let store: WeightStore | undefined;
  try {
    store = await openWeights(dir, await readdir(dir));
    return await openStore(dir, config, store);
  } catch (error) {
    store?.close();
    throw asModelError(error, dir);
  }
}

async function openStore(dir: string, config: WhisperConfig, store: WeightStore): Promise<Checkpoint> {
  const location = store.files.length === 1 ? (store.files[0] ?? dir) : dir;
  const naming = NAMINGS.find(({ recognizes }) => recognizes(store.names));
  if (naming === undefined) {
    throw new SottoError(
      'MODEL_UNSUPPORTED',
      `${location}: not Whisper weights; found ${formatNames([...store.names])}`,
    );
  }
  const weights = new Map<string, string>();
  const roles = new Map<ArrayRole['role'], string>();
  const unknown: string[] = [];
  for (const stored of store.names) {
    const role = naming.roleOf(stored);
    if (role === undefined) unknown.push(stored);
    else if (role.role !== 'weight') roles.set(role.role, stored);
    else if (weights.has(role.name)) {
      throw new SottoError(
        'MODEL_CORRUPT',
        `${location}: ${stored} and ${weights.get(role.name) ?? ''} are the same array`,
      );
    } else weights.set(role.name, stored);
  }
  if (unknown.length > 0) {
    throw new SottoError('MODEL_UNSUPPORTED', `${location}: unknown arrays: ${formatNames(unknown)}`);
  }

  const stored = (name: string | undefined) => (name === undefined ? undefined : store.array(name));
  const heads = await stored(roles.get('alignment heads'));
  const alignmentHeads = config.alignmentHeads ?? validHeads(await readHeads(heads), config);
  const positions = await stored(roles.get('positions'));
  if (positions) await checkPositions(positions, config, location);
  const output = await stored(roles.get('output layer'));
  return {
    layout: naming.layout,
    config: { ...config, ...defined({ alignmentHeads }) },
    files: store.files,
    names: new Set(weights.keys()),
    array: async (name) => {
      const source = weights.get(name);
      if (source === undefined) throw new RangeError(`${name} is not in ${location}`);
      const array = await store.array(source);
      if (output && name === 'decoder.token_embedding.weight' && !(await isTied(array, output))) {
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
      store.close();
    },
  };
}

const isKernel = (name: string): boolean => /^encoder\.conv[12]\.weight$/.test(name);

/** PyTorch has kernels as [out, in, k], MLX as [out, k, in]. */
function kernel(array: MxArray): MxArray {
  const [, inner, last] = array.shape;
  if (array.ndim !== 3 || last !== KERNEL_SIZE || inner === KERNEL_SIZE) return array;
  // Made contiguous: MLX's saver and our kernels read raw memory.
  const rows = mx.keep(mx.tidy(() => mx.contiguous(mx.swapaxes(array, 1, 2))));
  array.dispose();
  return rows;
}

/** The network computes the encoder's positions, so those of the checkpoint must match. */
async function checkPositions(found: MxArray, config: WhisperConfig, where: string): Promise<void> {
  const shape = [config.nAudioCtx, config.nAudioState];
  const distance = mx.tidy(() => {
    if (found.shape.join() !== shape.join()) return undefined;
    const own = nn.sinusoids(config.nAudioCtx, config.nAudioState);
    return mx.max(mx.abs(mx.subtract(found.astype('float32'), own)));
  });
  if (distance) await mx.ready(distance);
  const isSame = distance !== undefined && Number(distance.item()) <= POSITIONS_TOLERANCE;
  mx.dispose(found, distance);
  if (isSame) return;
  throw new SottoError(
    'MODEL_UNSUPPORTED',
    `${where}: the encoder’s positions are not the sinusoids [${shape.join(', ')}] of Whisper`,
  );
}

/** The output layer is tied to the embedding. */
async function isTied(embedding: MxArray, output: MxArray): Promise<boolean> {
  const equal = mx.tidy(() => mx.arrayEqual(embedding, output));
  await mx.ready(equal);
  const answer = Boolean(equal.item());
  mx.dispose(equal, output);
  return answer;
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

function formatNames(names: readonly string[]): string {
  const first = names
    .slice(0, 8)
    .map((name) => name.slice(0, 200))
    .join(', ');
  return names.length > 8 ? `${first}, and ${names.length - 8} more` : first;
}

/** Converts any failure in a model directory to a SottoError. */
export function asModelError(error: unknown, dir: string): SottoError {
  if (error instanceof SottoError) return error;
  if (error instanceof SafetensorsError) {
    if (error.code === 'SAFETENSORS_UNREADABLE') {
      if (codeOf(error.cause) !== undefined) return fileError(error.file, error.cause, MODEL_FILE);
      return new SottoError('MODEL_UNREADABLE', error.message, { cause: error });
    }
    return new SottoError('MODEL_CORRUPT', error.message, { cause: error });
  }
  const { path } = error as { path?: unknown };
  if (typeof path === 'string') return fileError(path, error, MODEL_FILE);
  return new SottoError('MODEL_CORRUPT', `${dir}: ${messageOf(error)}`, { cause: error });
}
