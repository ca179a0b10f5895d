/** Loads a model directory into a network that is ready to run. */
import { networkOf as networkOfCheckpoint } from '../../checkpoint/checkpoint-network.js';
import { startLoading as startNetwork, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { fusedWhisper, fuseSteps } from '../fused-model.js';
import { Whisper } from '../model.js';
import type { WhisperConfig } from '../whisper-config.js';
import { openCheckpoint, type WhisperCheckpoint } from './checkpoint.js';

export { readConfig } from './checkpoint.js';

const plan: NetworkPlan<WhisperConfig, Whisper> = {
  build: (config) => new Whisper(config),
  fusion: fusedWhisper,
  castForGpu: castToFloat16,
  finish: fuseSteps,
};

/**
 * Builds the network of a model directory. Its weights must match those of the network one to one.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys.
 */
export async function loadWhisper(
  dir: string,
  config: WhisperConfig,
  options: LoadOptions = {},
): Promise<Whisper> {
  return (await startLoading(dir, config, options)).model;
}

/**
 * `loadWhisper` in two stages: resolves once the work is queued on other cores, so that this thread can do other work. The
 * caller must await `model`, which may reject too.
 */
export async function startLoading(
  dir: string,
  config: WhisperConfig,
  options: LoadOptions = {},
): Promise<{ model: Promise<Whisper> }> {
  return startNetwork(await openCheckpoint(dir, config), plan, options);
}

/** The network with the weights of `checkpoint` as stored. @throws as `networkOf` of the shared checkpoints */
export const networkOf = (checkpoint: WhisperCheckpoint, signal?: AbortSignal): Promise<Whisper> =>
  networkOfCheckpoint(checkpoint, (config) => plan.build(config), signal);

/** A GPU computes in float16, at twice the speed and half the size of float32, as mlx-whisper does. */
export function castToFloat16(model: Whisper): void {
  if (model.dtype === 'float32') model.toDtype('float16');
  model.encoder.castPositions(model.dtype);
}
