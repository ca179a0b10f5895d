/** Predicts the device memory of a Lyra model. */
import { currentBackend, type Backend } from '../../memory/backend.js';
import type { Footprint } from '../../speech-model.js';
import { loadedBytes } from '../codec-footprint.js';
import { product } from '../layers/reach.js';
import { openCheckpoint, readConfig } from './lyra-checkpoint.js';
import type { LyraConfig } from './lyra-config.js';
import { buildLyra, CHUNK_FRAMES } from './lyra-model.js';

const FLOAT32 = 4;

/** @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would */
export async function lyraFootprint(dir: string): Promise<Footprint> {
  const config = await readConfig(dir);
  (await openCheckpoint(dir, config)).close();
  return { weightBytes: loadedBytes(buildLyra(config)), workBytes: workBytes(config, currentBackend()) };
}

/** Multiples of the widest activation, which is at the rate of the first stage; measured, on a GPU assumed. */
const MULTIPLES: Readonly<Record<Backend, number>> = { kernels: 16, cpu: 24, gpu: 24 };

/** Peak of a chunk. */
function workBytes(config: LyraConfig, backend: Backend): number {
  const frames = CHUNK_FRAMES * product(config.downsampling_ratios);
  return Math.ceil(MULTIPLES[backend] * frames * config.num_filters * FLOAT32);
}
