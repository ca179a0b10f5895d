/** Loads an Encodec model directory. */
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { CodecModel, type CodecRunner } from '../codec-model.js';
import { checkCodes } from '../layers/check-codes.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { streamRunner } from '../stream-codec.js';
import { openCheckpoint, readConfig } from './encodec-checkpoint.js';
import { encodecShape, type EncodecConfig } from './encodec-config.js';
import { Encodec } from './encodec-network.js';
import { segmentSize, type SegmentSize } from './segment-plan.js';
import { checkSegments, decodeSegments, encodeSegments } from './segmented-codec.js';

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
  const size = segmentSize(network.config);
  return size ? segmentRunner(network, size) : streamRunner(network, CHUNK_FRAMES);
}

/** Audio is mono: a stereo network gets it on both channels, and the mean of its channels is the result. */
function segmentRunner(network: Encodec, size: SegmentSize): CodecRunner {
  const { channels, config } = network;
  const shape = encodecShape(config);
  return {
    encode: (samples, codebooks, signal) =>
      encodeSegments(network, size, onAllChannels(samples, channels), codebooks, signal),
    decode: (encoded, signal) => toMono(decodeSegments(network, size, encoded, signal), channels),
    check: (encoded) => {
      checkCodes(encoded.codes, shape);
      checkSegments(encoded, size, config.normalize);
    },
  };
}

async function* onAllChannels(
  chunks: AsyncIterable<Float32Array>,
  channels: number,
): AsyncGenerator<Float32Array, void> {
  for await (const chunk of chunks) {
    yield Float32Array.from(
      { length: chunk.length * channels },
      (_, i) => chunk[Math.floor(i / channels)] ?? 0,
    );
  }
}

async function* toMono(
  chunks: AsyncIterable<Float32Array>,
  channels: number,
): AsyncGenerator<Float32Array, void> {
  for await (const chunk of chunks) {
    yield Float32Array.from({ length: chunk.length / channels }, (_, t) => {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += chunk[t * channels + c] ?? 0;
      return sum / channels;
    });
  }
}
