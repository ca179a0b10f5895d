/** Predicts the device memory of a DAC model. */
import { currentBackend } from '../../memory/backend.js';
import type { Footprint } from '../../speech-model.js';
import { chunkBytes } from '../layers/chunk-bytes.js';
import { loadedBytes } from '../codec-footprint.js';
import { openDacCheckpoint, readDacConfig } from './dac-checkpoint.js';
import { Dac, tiledBlocks } from './dac-network.js';
import { dacPlans, type DacPlans } from './dac-runner.js';

/** @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would */
export async function dacFootprint(dir: string): Promise<Footprint> {
  const config = await readDacConfig(dir);
  (await openDacCheckpoint(dir, config)).close();
  const plans = dacPlans(config);
  return {
    weightBytes: loadedBytes(new Dac(config)),
    workBytes: chunkBytes(
      { down: config.encoder_rates, width: config.encoder_dim },
      { up: config.decoder_rates, width: config.decoder_dim },
      plans,
      currentBackend(),
      { blocks: tiledBlocks(config), samples: tileSamples(plans) },
    ),
  };
}

/** Of the longer tile, with its context. */
const tileSamples = ({ encodeTiles, decodeTiles }: DacPlans): number =>
  Math.max(
    encodeTiles.frames + 2 * encodeTiles.context,
    (decodeTiles.frames + 2 * decodeTiles.context) * (decodeTiles.up ?? 1),
  );
