/** Predicts the device memory of a Nemotron model from its dimensions and the format of its weights. */
import { asModelError } from '../checkpoint/model-error.js';
import { storedWeights, type StoredWeights } from '../checkpoint/weight-formats.js';
import { halvedBands, pastFrames } from '../conformer/causal-config.js';
import { SUBSAMPLING } from '../conformer/conformer-config.js';
import { conformerNamings } from '../conformer/checkpoint-names.js';
import { bytesOf, currentBackend, type Backend } from '../memory/backend.js';
import { linearMatrix, type Matrix, matrixBytes } from '../memory/matrix-bytes.js';
import type { Footprint } from '../speech-model.js';
import { recurrentBytes, transducerMatrices } from '../transducer/transducer-footprint.js';
import { readConfig } from './load-nemotron.js';
import type { NemotronConfig } from './nemotron-config.js';
import { CHUNKS_AT_ONCE } from './nemotron-decoder.js';

/** Its dtype is that of the activations; it is never quantized. */
const COMMON_WEIGHT = 'encoder.pre_encode.conv.0.weight';
const FLOAT32 = 4;
/** Windowed samples of a mel frame, whose spectrum has half as many complex numbers. */
const FFT_SAMPLES = 512;
/** The first convolution's result, a copy with the frame before it, and the smaller results of the others. */
const IMAGES = 3.25;
/** VAD weights (1.2 MB, and the recurrence again in panels). */
const VOICE_BYTES = 1_500_000;

/**
 * Reads the headers of a model directory, no weights.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would
 */
export async function nemotronFootprint(dir: string): Promise<Footprint> {
  const config = await readConfig(dir);
  try {
    const stored = await storedWeights(dir, conformerNamings('Nemotron'), COMMON_WEIGHT);
    const backend = currentBackend();
    const kept: StoredWeights =
      backend === 'gpu'
        ? { dtypeOf: () => 'float16', isQuantized: (layer) => stored.isQuantized(layer) }
        : stored;
    return { weightBytes: weightBytes(config, kept, backend), workBytes: workBytes(config, backend) };
  } catch (error) {
    throw asModelError(error, dir);
  }
}

function weightBytes(config: NemotronConfig, stored: StoredWeights, backend: Backend): number {
  const width = backend === 'gpu' ? bytesOf(stored.dtypeOf(COMMON_WEIGHT)) : FLOAT32;
  const matrices = matricesOf(config).map((matrix) =>
    matrixBytes(matrix, config.quantization, stored, backend),
  );
  const recurrent = recurrentBytes(config.transducer, stored, backend);
  return matrices.reduce((sum, bytes) => sum + bytes, 0) + recurrent + otherNumbers(config) * width;
}

function matricesOf({ encoder, transducer, prompt }: NemotronConfig): Matrix[] {
  const { dims, feedForwardDims: wide, subsamplingChannels: channels, hasBias, hasConvolutionBias } = encoder;
  const bands = halvedBands(halvedBands(halvedBands(encoder.bands)));
  const layer = (at: string): Matrix[] => [
    ...['feed_forward1', 'feed_forward2'].flatMap((part) => [
      linearMatrix(`${at}.${part}.linear1`, wide, dims, hasBias),
      linearMatrix(`${at}.${part}.linear2`, dims, wide, hasBias),
    ]),
    ...['q', 'k', 'v', 'out'].map((part) =>
      linearMatrix(`${at}.self_attn.linear_${part}`, dims, dims, hasBias),
    ),
    linearMatrix(`${at}.self_attn.linear_pos`, dims, dims, false),
    linearMatrix(`${at}.conv.pointwise_conv1`, 2 * dims, dims, hasConvolutionBias),
    linearMatrix(`${at}.conv.pointwise_conv2`, dims, dims, hasConvolutionBias),
  ];
  return [
    linearMatrix('encoder.pre_encode.conv.3', channels, channels, true),
    linearMatrix('encoder.pre_encode.conv.6', channels, channels, true),
    linearMatrix('encoder.pre_encode.out', dims, channels * bands, true),
    ...Array.from({ length: encoder.layers }, (_, i) => layer(`encoder.layers.${i}`)).flat(),
    ...(prompt === undefined
      ? []
      : [
          linearMatrix('prompt_kernel.0', prompt.hiddenDims, dims + prompt.slots, true),
          linearMatrix('prompt_kernel.2', dims, prompt.hiddenDims, true),
        ]),
    ...transducerMatrices(transducer),
  ];
}

/** Norms, depthwise convolutions, biases of the attention. */
function otherNumbers({ encoder }: NemotronConfig): number {
  const { dims, layers, kernelSize, subsamplingChannels: channels, hasConvolutionBias } = encoder;
  const subsampling = 3 * channels * (3 * 3 + 1);
  const layer = 6 * 2 * dims + (kernelSize + (hasConvolutionBias ? 1 : 0)) * dims + 2 * dims;
  return subsampling + layers * layer;
}

/**
 * Of a file at the model's own look-ahead, the largest chunks: what all layers keep of earlier audio and of distances, the
 * spectrum, and the images of the subsampling, which MLX allocates before it runs them. NOTES.md compares it with MLX's peak.
 */
function workBytes({ encoder, lookahead }: NemotronConfig, backend: Backend): number {
  const width = backend === 'gpu' ? 2 : FLOAT32;
  const chunkFrames = lookahead + 1;
  const frames = CHUNKS_AT_ONCE * chunkFrames;
  const past = pastFrames(encoder, chunkFrames);
  const { dims, feedForwardDims: wide, heads, layers, subsamplingChannels: channels, kernelSize } = encoder;
  const kept = layers * (2 * past + kernelSize - 1) * dims;
  const distances = layers * (past + 2 * chunkFrames - 1) * dims;
  const spectrum = SUBSAMPLING * frames * (FFT_SAMPLES + 1.5 * FFT_SAMPLES + 2 * encoder.bands);
  const image = (SUBSAMPLING / 2) * frames * halvedBands(encoder.bands) * channels;
  const block = frames * (12 * dims + 4 * wide) + 3 * heads * frames * (past + 2 * frames);
  const numbers = kept + distances + Math.max(IMAGES * image, block);
  return VOICE_BYTES + FLOAT32 * spectrum + width * numbers;
}
