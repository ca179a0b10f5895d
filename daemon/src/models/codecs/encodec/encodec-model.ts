/** Loads an Encodec model directory. */
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { CodecModel, type CodecRunner } from '../codec-model.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { decodeStream, encodeStream } from '../stream-codec.js';
import { openCheckpoint, readConfig } from './encodec-checkpoint.js';
import { encodecShape, type EncodecConfig } from './encodec-config.js';
import { Encodec } from './encodec-network.js';

/** Of a second: memory and the time until a cancellation count, and longer chunks are hardly faster. */
export const CHUNK_FRAMES = 75;

export const buildEncodec = (config: EncodecConfig): Encodec => new Encodec(config);

const plan: NetworkPlan<EncodecConfig, Encodec> = { build: buildEncodec, fusion: fusedCodecLayers };

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadEncodec(
  dir: string,
  config: EncodecConfig,
  options: LoadOptions = {},
): Promise<Encodec> {
  return (await startLoading(await openCheckpoint(dir, config), plan, options)).model;
}

/** @throws SottoError as `readConfig` and `loadEncodec` */
export async function loadEncodecModel(dir: string, options: LoadOptions = {}): Promise<CodecModel> {
  const config = await readConfig(dir);
  const network = await loadEncodec(dir, config, options);
  return new CodecModel(dir, 'encodec', encodecShape(config), network, runnerOf(network));
}

function runnerOf(network: Encodec): CodecRunner {
  return {
    encode: (samples, codebooks, signal) =>
      encodeStream(network, samples, { codebooks, chunkFrames: CHUNK_FRAMES }, signal),
    decode: (encoded, signal) => decodeStream(network, encoded, CHUNK_FRAMES, signal),
  };
}
