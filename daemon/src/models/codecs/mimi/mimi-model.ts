/** Loads a Mimi model directory. */
import { SottoError } from '#daemon/protocol/errors.js';
import type * as nn from '#native/nn/index.js';

import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { CodecModel, type CodecRunner } from '../codec-model.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { streamRunner } from '../stream-codec.js';
import { openCheckpoint, readConfig } from './mimi-checkpoint.js';
import { mimiShape, type MimiConfig } from './mimi-config.js';
import { Mimi } from './mimi-network.js';
import { FusedMimiLayer, MimiTransformerLayer } from './mimi-transformer.js';

/** Some 1 s: memory and the time until a cancellation count, and longer chunks are hardly faster. */
export const CHUNK_FRAMES = 12;

export const buildMimi = (config: MimiConfig): Mimi => new Mimi(config);

/** For `nn.fuse`. */
export const fusedMimi: nn.Fusion = (module) =>
  module instanceof MimiTransformerLayer ? new FusedMimiLayer(module) : fusedCodecLayers(module);

const plan: NetworkPlan<MimiConfig, Mimi> = { build: buildMimi, fusion: fusedMimi };

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadMimi(dir: string, config: MimiConfig, options: LoadOptions = {}): Promise<Mimi> {
  return (await startLoading(await openCheckpoint(dir, config), plan, options)).model;
}

/** @throws SottoError as `readConfig` and `loadMimi` */
export async function loadMimiModel(dir: string, options: LoadOptions = {}): Promise<CodecModel> {
  const config = await readConfig(dir);
  const network = await loadMimi(dir, config, options);
  return new CodecModel(dir, 'mimi', mimiShape(config), network, runnerOf(network));
}

function runnerOf(network: Mimi): CodecRunner {
  const runner = streamRunner(network, CHUNK_FRAMES);
  const { num_semantic_quantizers: semantic } = network.config;
  return {
    ...runner,
    encode: (samples, codebooks, signal) => {
      if (codebooks >= semantic) return runner.encode(samples, codebooks, signal);
      throw new SottoError('INVALID_ARGUMENT', `the model encodes with at least ${semantic} codebooks`);
    },
  };
}
