/** Predicts the device memory of a Parakeet model from its dimensions and the format of its weights. */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { asModelError } from '../checkpoint/model-error.js';
import { storedWeights, type StoredWeights } from '../checkpoint/weight-formats.js';
import { BLOCK_QUERIES } from '../conformer/band-attention.js';
import { encoderFrames, type AttentionContext, type ConformerConfig } from '../conformer/conformer-config.js';
import { MAX_FRAMES_AT_ONCE } from '../conformer/encode-mel.js';
import { bytesOf, currentBackend, type Backend } from '../memory/backend.js';
import { linearMatrix, type Matrix, matrixBytes } from '../memory/matrix-bytes.js';
import type { Footprint } from '../speech-model.js';
import { recurrentBytes, transducerMatrices } from '../transducer/transducer-footprint.js';
import { readConfig } from './parakeet-checkpoint.js';
import type { ParakeetConfig } from './parakeet-config.js';
import { maxPieceSeconds } from './parakeet-decoder.js';
import { conformerNamings } from '../conformer/checkpoint-names.js';

/** Its dtype is that of the activations; it is never quantized. */
const COMMON_WEIGHT = 'encoder.layers.0.norm_out.weight';
const FLOAT32 = 4;
/** VAD weights (1.2 MB, and the recurrence again in panels). */
const VOICE_BYTES = 1_500_000;

/**
 * Reads the headers of a model directory, no weights.
 *
 * @param context of local attention that a request chooses; that of the config if omitted
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would
 */
export async function parakeetFootprint(dir: string, context?: AttentionContext): Promise<Footprint> {
  const config = await readConfig(dir);
  try {
    const stored = await storedWeights(dir, conformerNamings('Parakeet'), COMMON_WEIGHT);
    const backend = currentBackend();
    const kept = backend === 'gpu' ? ofHalves(stored) : stored;
    return {
      weightBytes: weightBytes(config, kept, backend),
      workBytes: VOICE_BYTES + pieceBytes(config, backend, context),
    };
  } catch (error) {
    throw asModelError(error, dir);
  }
}

/** A GPU computes in two bytes a number, whatever the checkpoint has. */
function ofHalves(stored: StoredWeights): StoredWeights {
  return { dtypeOf: () => 'float16', isQuantized: (layer) => stored.isQuantized(layer) };
}

function weightBytes(config: ParakeetConfig, stored: StoredWeights, backend: Backend): number {
  const matrices = matricesOf(config).map((matrix) =>
    matrixBytes(matrix, config.quantization, stored, backend),
  );
  const width = backend === 'gpu' ? bytesOf(stored.dtypeOf(COMMON_WEIGHT)) : FLOAT32;
  const recurrent = config.transducer ? recurrentBytes(config.transducer, stored, backend) : 0;
  return matrices.reduce((sum, bytes) => sum + bytes, 0) + recurrent + otherNumbers(config) * width;
}

function matricesOf({ encoder, transducer, hasCtc, tokens }: ParakeetConfig): Matrix[] {
  const { dims, feedForwardDims: wide, subsamplingChannels: channels, hasBias, bands } = encoder;
  const feedForward = (at: string): Matrix[] => [
    linearMatrix(`${at}.linear1`, wide, dims, hasBias),
    linearMatrix(`${at}.linear2`, dims, wide, hasBias),
  ];
  const layer = (i: number): Matrix[] => {
    const at = `encoder.layers.${i}`;
    const { hasConvolutionBias } = encoder;
    return [
      ...feedForward(`${at}.feed_forward1`),
      ...['q', 'k', 'v', 'out'].map((part) =>
        linearMatrix(`${at}.self_attn.linear_${part}`, dims, dims, hasBias),
      ),
      linearMatrix(`${at}.self_attn.linear_pos`, dims, dims, false),
      linearMatrix(`${at}.conv.pointwise_conv1`, 2 * dims, dims, hasConvolutionBias),
      linearMatrix(`${at}.conv.pointwise_conv2`, dims, dims, hasConvolutionBias),
      ...feedForward(`${at}.feed_forward2`),
    ];
  };
  const heads: Matrix[] = hasCtc
    ? [linearMatrix('ctc_decoder.decoder_layers.0', tokens + 1, dims, true)]
    : [];
  if (transducer !== undefined) heads.push(...transducerMatrices(transducer));
  return [
    linearMatrix('encoder.pre_encode.conv.3', channels, channels, true),
    linearMatrix('encoder.pre_encode.conv.6', channels, channels, true),
    linearMatrix('encoder.pre_encode.out', dims, channels * encoderFrames(bands), true),
    ...Array.from({ length: encoder.layers }, (_, i) => layer(i)).flat(),
    ...heads,
  ];
}

/** Norms, depthwise convolutions, biases of the attention. */
function otherNumbers({ encoder }: ParakeetConfig): number {
  const { dims, layers, kernelSize, subsamplingChannels: channels } = encoder;
  const subsampling = 3 * channels * (3 * 3 + 1);
  const layer = 5 * 2 * dims + (kernelSize + 1) * dims + 2 * dims;
  return subsampling + layers * layer;
}

/**
 * Results of the subsampling that exist at once, in results of its first convolution: those of the second are a quarter of
 * that, those of the third a sixteenth. MLX's own ops also hold the input of each activation.
 */
const SUBSAMPLING_RESULTS: Readonly<Record<Backend, number>> = {
  kernels: 1 + 2 / 4 + 3 / 16,
  cpu: 1 + 3 / 4 + 1 / 16,
  gpu: 2 + 3 / 4,
};

/** Of the longest piece, decoded alone. @param context of local attention; that of the config if omitted */
function pieceBytes(
  { encoder }: ParakeetConfig,
  backend: Backend,
  context: AttentionContext | undefined = encoder.attentionContext,
): number {
  const { bands, subsamplingChannels: channels } = encoder;
  const width = backend === 'gpu' ? 2 : FLOAT32;
  const { melFrames, mel, activation } = longestPiece(encoder, context, width);
  const part = Math.min(melFrames, MAX_FRAMES_AT_ONCE);
  const image = Math.ceil(part / 2) * Math.ceil(bands / 2) * channels * width;
  // A part of a longer piece is copied once without its context.
  const cut = part < melFrames ? (activation * part) / melFrames : 0;
  const subsampling = mel + SUBSAMPLING_RESULTS[backend] * image + activation + cut;
  const { activations, scores, sinusoids } = blockBytes(encoder, backend, context);
  return Math.max(subsampling, activations + scores + sinusoids);
}

/** Of a block in which everything is queued: the inputs of the products and the wide layers, the scores, and what pieces share. */
function blockBytes(encoder: ConformerConfig, backend: Backend, context: AttentionContext | undefined) {
  const { feedForwardDims: wide, heads } = encoder;
  const width = backend === 'gpu' ? 2 : FLOAT32;
  const { frames, activation } = longestPiece(encoder, context, width);
  const farthest = frames - 1;
  const { back = farthest, ahead = farthest } = context ?? {};
  const distances = Math.min(back, farthest) + Math.min(ahead, farthest) + 1;
  const hasKernels = backend === 'kernels';
  return {
    activations: (hasKernels ? 15 : 24) * activation + 2 * frames * wide * width,
    scores: hasKernels ? 0 : heads * scoresOf(frames, distances) * width,
    sinusoids: 2 * (activation / frames) * distances,
  };
}

/**
 * Numbers per head that exist at once, without our kernels: with full attention the scores of distances, a padded copy and those of
 * keys; with local attention those of two blocks of queries, one of which is done when the next is queued.
 */
function scoresOf(frames: number, distances: number): number {
  if (distances === 2 * frames - 1) return 3 * frames * distances;
  const queries = Math.min(BLOCK_QUERIES, frames);
  const keys = Math.min(frames, distances - 1 + queries);
  return 2 * queries * (distances + (keys + queries - 1) + keys);
}

/** Measured share: the larger the ops, the fewer are queued while one runs. */
const SCORES_OF_BATCH = 5 / 6;

/**
 * What each piece of a batch adds to the work of one. With our kernels it waits for its turn with its features.
 *
 * @param context of local attention; that of the config if omitted
 */
export function batchRowBytes(
  config: ParakeetConfig,
  backend: Backend,
  context: AttentionContext | undefined = config.encoder.attentionContext,
): number {
  if (backend === 'kernels') return longestPiece(config.encoder, context, FLOAT32).activation;
  const { activations, scores } = blockBytes(config.encoder, backend, context);
  return activations + SCORES_OF_BATCH * scores;
}

/** Frames of the longest piece, and bytes of its log-mel and of its features. */
function longestPiece(
  { bands, dims }: ConformerConfig,
  context: AttentionContext | undefined,
  width: number,
) {
  const melFrames = maxPieceSeconds(context) * FRAMES_PER_SECOND;
  const frames = encoderFrames(melFrames);
  return { melFrames, frames, mel: melFrames * bands * FLOAT32, activation: frames * dims * width };
}
