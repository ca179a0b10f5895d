/** Predicts the device memory of a Moonshine model from its dimensions and the format of its weights. */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';

import { asModelError } from '../checkpoint/model-error.js';
import { storedWeights, type StoredWeights } from '../checkpoint/weight-formats.js';
import { bytesOf, currentBackend, type Backend } from '../memory/backend.js';
import { asFloat16, linearMatrix, type Matrix, matrixBytes } from '../memory/matrix-bytes.js';
import type { Footprint } from '../speech-model.js';
import { COMMON_WEIGHT, MOONSHINE_NAMINGS, readConfig } from './moonshine-checkpoint.js';
import type { MoonshineConfig } from './moonshine-config.js';
import { DEFAULT_TOKENS_PER_SECOND, MAX_PIECE_SECONDS } from './moonshine-decoder.js';
import { CONVOLUTIONS, framesOf } from './moonshine-network.js';

const FLOAT32 = 4;
/** VAD weights (1.2 MB, and the recurrence again in panels). */
const VOICE_BYTES = 1_500_000;

/**
 * Reads the headers of a model directory, no weights.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would
 */
export async function moonshineFootprint(dir: string): Promise<Footprint> {
  const config = await readConfig(dir);
  try {
    const stored = await storedWeights(dir, MOONSHINE_NAMINGS, COMMON_WEIGHT);
    return footprint(config, stored, currentBackend());
  } catch (error) {
    throw asModelError(error, dir);
  }
}

export function footprint(config: MoonshineConfig, stored: StoredWeights, backend: Backend): Footprint {
  const kept = backend === 'gpu' ? asFloat16(stored, COMMON_WEIGHT) : stored;
  const width = backend === 'gpu' ? bytesOf(kept.dtypeOf(COMMON_WEIGHT)) : FLOAT32;
  return {
    weightBytes: weightBytes(config, kept, backend),
    workBytes: workBytes(config, backend, width),
  };
}

function weightBytes(config: MoonshineConfig, stored: StoredWeights, backend: Backend): number {
  const matrices = matricesOf(config).map((matrix) =>
    matrixBytes(matrix, config.quantization, stored, backend),
  );
  const { width, encoderLayers, decoderLayers } = config;
  const norms = 2 * encoderLayers + 1 + 3 * decoderLayers + 1 + 2; // the group norm has a bias, too
  const normWidth = backend === 'gpu' ? bytesOf(stored.dtypeOf(COMMON_WEIGHT)) : FLOAT32;
  return matrices.reduce((sum, bytes) => sum + bytes, 0) + norms * width * normWidth;
}

/** Joined as in `fused-moonshine.ts`. */
function matricesOf(config: MoonshineConfig): Matrix[] {
  const { width, hiddenWidth, attentionBias, encoderLayers, decoderLayers, vocabulary } = config;
  const convolution = (i: number, outputs: number, channels: number): Matrix => ({
    ...linearMatrix([`encoder.conv${i + 1}`], outputs, (CONVOLUTIONS[i]?.kernel ?? 0) * channels, i > 0),
    canBeQuantized: false,
  });
  const selfAttention = (at: string): Matrix[] => [
    linearMatrix([`${at}.q_proj`, `${at}.k_proj`, `${at}.v_proj`], 3 * width, width, attentionBias),
    linearMatrix([`${at}.o_proj`], width, width, false),
  ];
  const mlp = (at: string, wide: number): Matrix[] => [
    linearMatrix([`${at}.fc1`], wide, width, true),
    linearMatrix([`${at}.fc2`], width, hiddenWidth, true),
  ];
  const each = (count: number, layer: (i: number) => Matrix[]): Matrix[] =>
    Array.from({ length: count }, (_, i) => layer(i)).flat();
  return [
    convolution(0, width, 1),
    convolution(1, 2 * width, width),
    convolution(2, width, 2 * width),
    ...each(encoderLayers, (i) => [
      ...selfAttention(`encoder.layers.${i}.self_attn`),
      ...mlp(`encoder.layers.${i}.mlp`, hiddenWidth),
    ]),
    ...each(decoderLayers, (i) => {
      const at = `decoder.layers.${i}.encoder_attn`;
      return [
        ...selfAttention(`decoder.layers.${i}.self_attn`),
        linearMatrix([`${at}.q_proj`], width, width, attentionBias),
        linearMatrix([`${at}.k_proj`, `${at}.v_proj`], 2 * width, width, attentionBias),
        linearMatrix([`${at}.o_proj`], width, width, false),
        ...mlp(`decoder.layers.${i}.mlp`, 2 * hiddenWidth),
      ];
    }),
    linearMatrix(['decoder.embed_tokens'], vocabulary, width, false),
  ];
}

/** Of the longest piece. @param bytes of an activation */
function workBytes(config: MoonshineConfig, backend: Backend, bytes: number): number {
  const { width, heads, decoderLayers, vocabulary } = config;
  const samples = MAX_PIECE_SECONDS * SAMPLE_RATE;
  const [first] = CONVOLUTIONS;
  const firstFrames = Math.floor((samples - first.kernel) / first.stride) + 1;
  const frames = framesOf(samples);
  const activation = frames * width * bytes;
  // The first convolution, its input and results of its activation and norm, in float32 or as the activations.
  const embedding = samples * (FLOAT32 + bytes) + FIRST_RESULTS[backend] * firstFrames * width * bytes;
  const scores = backend === 'cpu' ? heads * frames ** 2 * FLOAT32 : 0;
  const encoding = ENCODER_RESULTS[backend] * activation + scores;
  const cross = decoderLayers * 2 * activation;
  const tokens = MAX_PIECE_SECONDS * DEFAULT_TOKENS_PER_SECOND;
  const decoding = cross + decoderLayers * 2 * tokens * width * bytes + 3 * vocabulary * FLOAT32;
  return VOICE_BYTES + Math.max(embedding, encoding, cross + 4 * activation, decoding);
}

/**
 * Results of the first convolution's size that exist at once. On the CPU the norm holds its temporaries when the second
 * convolution begins, whose result is two thirds of that size. Measured.
 */
const FIRST_RESULTS: Readonly<Record<Backend, number>> = { kernels: 4 + 2 / 3, cpu: 4 + 2 / 3, gpu: 3 };
/** Activations that exist at once in a layer of the encoder, as for Whisper's. */
const ENCODER_RESULTS: Readonly<Record<Backend, number>> = { kernels: 14, cpu: 28, gpu: 32 };
