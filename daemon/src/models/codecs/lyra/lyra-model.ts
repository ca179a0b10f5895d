/** Loads a Lyra model directory. */
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { CodecModel } from '../codec-model.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { streamRunner } from '../stream-codec.js';
import { openCheckpoint, readConfig } from './lyra-checkpoint.js';
import { lyraShape, type LyraConfig } from './lyra-config.js';
import { Lyra } from './lyra-network.js';

/** Of a second: memory and the time until a cancellation count, and longer chunks are hardly faster. */
export const CHUNK_FRAMES = 50;

export const buildLyra = (config: LyraConfig): Lyra => new Lyra(config);

const plan: NetworkPlan<LyraConfig, Lyra> = { build: buildLyra, fusion: fusedCodecLayers };

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadLyra(dir: string, config: LyraConfig, options: LoadOptions = {}): Promise<Lyra> {
  return (await startLoading(await openCheckpoint(dir, config), plan, options)).model;
}

/** @throws SottoError as `readConfig` and `loadLyra` */
export async function loadLyraModel(dir: string, options: LoadOptions = {}): Promise<CodecModel> {
  const config = await readConfig(dir);
  const network = await loadLyra(dir, config, options);
  return new CodecModel(dir, 'lyra', lyraShape(config), network, streamRunner(network, CHUNK_FRAMES));
}
