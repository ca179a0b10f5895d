/** Predicts the device memory of a Wav2Vec2 model from its dimensions and the format of its weights. */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';

import { asModelError } from '../checkpoint/model-error.js';
import { storedWeights, type FileWeights } from '../checkpoint/weight-formats.js';
import { bytesOf, currentBackend, type Backend } from '../memory/backend.js';
import { asFloat16, linearMatrix, type Matrix, matrixBytes } from '../memory/matrix-bytes.js';
import type { Footprint } from '../speech-model.js';
import { MAX_PIECE_SECONDS } from './wav2vec2-capabilities.js';
import { readConfig } from './wav2vec2-checkpoint.js';
import { frameGeometry, type Wav2Vec2Config } from './wav2vec2-config.js';
import { BLOCK_FRAMES } from './wav2vec2-decoder.js';
import { POSITIONS_WEIGHT, WAV2VEC2_NAMINGS } from './wav2vec2-namings.js';

/** Its dtype is that of the activations. */
const COMMON = 'wav2vec2.encoder.layer_norm.weight';
const FLOAT32 = 4;
/** Row count of the panels of our kernels, which are padded. */
const PANEL = 16;
/** VAD weights (1.2 MB, and the recurrence again in panels). */
const VOICE_BYTES = 1_500_000;

/** @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would */
export async function wav2Vec2Footprint(dir: string): Promise<Footprint> {
  const config = await readConfig(dir);
  try {
    const stored = await storedWeights(dir, WAV2VEC2_NAMINGS, COMMON);
    return footprint(config, stored, currentBackend());
  } catch (error) {
    throw asModelError(error, dir);
  }
}

export function footprint(config: Wav2Vec2Config, stored: FileWeights, backend: Backend): Footprint {
  const kept = backend === 'gpu' ? asFloat16(stored, COMMON) : stored;
  const width = backend === 'gpu' ? bytesOf(kept.dtypeOf(COMMON)) : FLOAT32;
  const matrices = matricesOf(config).map((matrix) =>
    matrixBytes(matrix, config.quantization, kept, backend),
  );
  return {
    weightBytes: sum(matrices) + positionBytes(config, stored, backend, width) + plainCount(config) * width,
    workBytes: VOICE_BYTES + workBytes(config, backend, width),
  };
}

function matricesOf(config: Wav2Vec2Config): Matrix[] {
  const { hidden_size: dims, intermediate_size: wide, adapter_attn_dim: inner } = config;
  const conv = (name: string, outputs: number, inputs: number, hasBias: boolean): Matrix => ({
    ...linearMatrix(name, outputs, inputs),
    hasBias,
    canBeQuantized: false,
  });
  const features = config.conv_dim.slice(hasNormalizedFirst(config) ? 1 : 0).map((outputs, at) => {
    const i = hasNormalizedFirst(config) ? at + 1 : at;
    const inputs = (i === 0 ? 1 : (config.conv_dim[i - 1] ?? 0)) * (config.conv_kernel[i] ?? 0);
    return conv(`wav2vec2.feature_extractor.conv_layers.${i}.conv`, outputs, inputs, config.conv_bias);
  });
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => {
    const at = `wav2vec2.encoder.layers.${i}`;
    const adapter = `${at}.adapter_layer`;
    return [
      linearMatrix(
        [`${at}.attention.q_proj`, `${at}.attention.k_proj`, `${at}.attention.v_proj`],
        3 * dims,
        dims,
      ),
      linearMatrix(`${at}.attention.out_proj`, dims, dims),
      linearMatrix(`${at}.feed_forward.intermediate_dense`, wide, dims),
      linearMatrix(`${at}.feed_forward.output_dense`, dims, wide),
      ...(inner === undefined
        ? []
        : [
            linearMatrix(`${adapter}.linear_1`, inner, dims),
            linearMatrix(`${adapter}.linear_2`, dims, inner),
          ]),
    ];
  });
  const outputs = config.output_hidden_size;
  const shorter = Array.from({ length: config.add_adapter ? config.num_adapter_layers : 0 }, (_, i) =>
    conv(`wav2vec2.adapter.layers.${i}.conv`, 2 * outputs, outputs * config.adapter_kernel_size, true),
  );
  return [
    ...features,
    linearMatrix('wav2vec2.feature_projection.projection', dims, config.conv_dim.at(-1) ?? 0),
    ...layers.flat(),
    ...(outputs === dims ? [] : [linearMatrix('wav2vec2.adapter.proj', outputs, dims)]),
    ...shorter,
    linearMatrix('lm_head', config.vocab_size, outputs),
  ];
}

/** The grouped convolution; our kernels have a matrix for each group. */
function positionBytes(
  config: Wav2Vec2Config,
  stored: FileWeights,
  backend: Backend,
  activationWidth: number,
): number {
  const {
    hidden_size: dims,
    num_conv_pos_embeddings: kernel,
    num_conv_pos_embedding_groups: groups,
  } = config;
  const size = dims / groups;
  // Our kernels keep what is stored; a kernel that is folded at loading is float32.
  const isAsStored = backend === 'kernels' && stored.isStored(POSITIONS_WEIGHT);
  const width = isAsStored ? bytesOf(stored.dtypeOf(POSITIONS_WEIGHT)) : activationWidth;
  const rows = backend === 'kernels' ? Math.ceil(size / PANEL) * PANEL : size;
  return groups * rows * kernel * size * width + dims * activationWidth;
}

/** Whether the norm of the first convolution is part of its product, which then has a plain matrix and no bias. */
const hasNormalizedFirst = (config: Wav2Vec2Config): boolean => config.feat_extract_norm === 'group';

/** Elements of all norms, and of the matrix with one. */
function plainCount(config: Wav2Vec2Config): number {
  const { conv_dim: convs, hidden_size: dims, num_hidden_layers: layers } = config;
  const features = config.feat_extract_norm === 'layer' ? sum(convs) : (convs[0] ?? 0);
  const perLayer = config.adapter_attn_dim === undefined ? 2 : 3;
  const outputs = config.output_hidden_size === dims ? 0 : config.output_hidden_size;
  const first = hasNormalizedFirst(config) ? (convs[0] ?? 0) * (config.conv_kernel[0] ?? 0) : 0;
  return first + 2 * (features + (convs.at(-1) ?? 0) + dims + perLayer * layers * dims + outputs);
}

/** Peak of a piece besides the weights. The multiples of activations are measured, with all temporaries of an op. */
function workBytes(config: Wav2Vec2Config, backend: Backend, width: number): number {
  const { hop, window } = frameGeometry(config);
  const samples = MAX_PIECE_SECONDS * SAMPLE_RATE;
  const frames = Math.floor((samples - window) / hop) + 1;
  const isLocal = config.feat_extract_norm === 'layer';
  const block = isLocal ? Math.min(samples, (BLOCK_FRAMES - 1) * hop + window) : samples;
  const features = isLocal ? frames * (config.conv_dim.at(-1) ?? 0) * width : 0;
  return Math.max(
    features + featureBytes(config, backend, width, block),
    encoderBytes(config, backend, width, frames),
  );
}

/** Of the first two convolutions, whose outputs are by far the longest. */
function featureBytes(config: Wav2Vec2Config, backend: Backend, width: number, samples: number): number {
  const { conv_kernel: kernels, conv_stride: strides, conv_dim: dims } = config;
  const lengthAfter = (length: number, i: number): number =>
    Math.floor((length - (kernels[i] ?? 1)) / (strides[i] ?? 1)) + 1;
  const length = lengthAfter(samples, 0);
  const first = length * (dims[0] ?? 0) * width;
  const second = dims.length < 2 ? 0 : lengthAfter(length, 1) * (dims[1] ?? 0) * width;
  // A norm over time copies the windows of the kernel, as MLX's convolutions do.
  const copiesWindows = backend !== 'kernels' || config.feat_extract_norm === 'group';
  const windows = copiesWindows ? length * (kernels[0] ?? 0) * FLOAT32 : 0;
  const [alone, withNext] = FEATURE_MULTIPLES[backend][config.feat_extract_norm];
  const unfolded = backend === 'cpu' ? second * (kernels[1] ?? 0) : 0;
  return samples * FLOAT32 + Math.max(alone * first + windows, first + withNext * second + unfolded);
}

/** Multiples of the output of the first layer while it is computed, and of that of the second. */
const FEATURE_MULTIPLES: Readonly<
  Record<Backend, Readonly<Record<'group' | 'layer', readonly [first: number, second: number]>>>
> = {
  kernels: { group: [1, 1], layer: [4, 4] },
  cpu: { group: [3, 5], layer: [6, 8] },
  gpu: { group: [2, 2], layer: [3, 3] },
};

/** A layer of the encoder, or the positional convolution. */
function encoderBytes(
  { hidden_size: dims, intermediate_size: wide, num_attention_heads: heads, ...config }: Wav2Vec2Config,
  backend: Backend,
  width: number,
  frames: number,
): number {
  const activation = frames * dims * width;
  const scores = heads * frames * frames * FLOAT32;
  switch (backend) {
    case 'kernels':
      return (7 + (config.do_stable_layer_norm ? 0 : 6) + wide / dims) * activation;
    case 'cpu':
      return Math.max(29 * activation + scores, (config.num_conv_pos_embeddings + 23) * activation);
    case 'gpu':
      return 2 * (12 + wide / dims) * activation;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
