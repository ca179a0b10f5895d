/** Predicts the device memory of a SNAC model. */
import { currentBackend } from '../../memory/backend.js';
import type { Footprint } from '../../speech-model.js';
import { chunkBytes } from '../layers/chunk-bytes.js';
import { loadedBytes } from '../codec-footprint.js';
import { openSnacCheckpoint, readSnacConfig } from './snac-checkpoint.js';
import { Snac } from './snac-network.js';
import { snacPlans } from './snac-runner.js';

/** @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would */
export async function snacFootprint(dir: string): Promise<Footprint> {
  const config = await readSnacConfig(dir);
  (await openSnacCheckpoint(dir, config)).close();
  return {
    weightBytes: loadedBytes(new Snac(config)),
    workBytes: chunkBytes(
      { down: config.encoder_rates, width: config.encoder_dim },
      { up: config.decoder_rates, width: config.decoder_dim },
      snacPlans(config),
      currentBackend(),
    ),
  };
}
