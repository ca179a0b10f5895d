/** A Parakeet model directory: its config and its arrays in the form of our network. */
import type { Checkpoint } from '../checkpoint/checkpoint-network.js';
import { readConfigFile } from '../config-file.js';
import { openConformer } from '../conformer/open-conformer.js';
import { parseConfig, type ParakeetConfig } from './parakeet-config.js';

export type ParakeetCheckpoint = Checkpoint<ParakeetConfig>;

export async function readConfig(dir: string): Promise<ParakeetConfig> {
  return parseConfig(await readConfigFile(dir));
}

/**
 * Opens the weights of a model directory in any layout.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function openCheckpoint(dir: string, config: ParakeetConfig): Promise<ParakeetCheckpoint> {
  return openConformer(dir, config, { family: 'Parakeet', hasBatchNorm: true });
}
