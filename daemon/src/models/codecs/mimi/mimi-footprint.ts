/** Predicts the device memory of a Mimi model. */
import { currentBackend, type Backend } from '../../memory/backend.js';
import type { Footprint } from '../../speech-model.js';
import { loadedBytes } from '../codec-footprint.js';
import { openCheckpoint, readConfig } from './mimi-checkpoint.js';
import { mimiHop, type MimiConfig } from './mimi-config.js';
import { buildMimi, CHUNK_FRAMES, fusedMimi } from './mimi-model.js';

const FLOAT32 = 4;

/** @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would */
export async function mimiFootprint(dir: string): Promise<Footprint> {
  const config = await readConfig(dir);
  (await openCheckpoint(dir, config)).close();
  return {
    weightBytes: loadedBytes(buildMimi(config), fusedMimi),
    workBytes: convolutionBytes(config, currentBackend()) + stateBytes(config),
  };
}

/** Multiples of the widest activation, which is at the full sample rate; measured, on a GPU assumed. */
const MULTIPLES: Readonly<Record<Backend, number>> = { kernels: 6, cpu: 13, gpu: 13 };

/** Peak of a chunk. */
function convolutionBytes(config: MimiConfig, backend: Backend): number {
  return MULTIPLES[backend] * CHUNK_FRAMES * mimiHop(config) * config.num_filters * FLOAT32;
}

/** Keys and values of a transformer, before and after a chunk. */
function stateBytes({
  num_hidden_layers: layers,
  num_attention_heads: heads,
  ...config
}: MimiConfig): number {
  return 2 * layers * (config.sliding_window - 1) * 2 * heads * config.head_dim * FLOAT32;
}
