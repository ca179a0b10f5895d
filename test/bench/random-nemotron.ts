/**
 * Writes a Nemotron model directory with random weights, for measurements of cost and memory. Its text means nothing, but it has
 * about as many tokens as speech: the projection of the encoder is centred on its features, and the bias of the blank is searched.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { framesBetween } from '#daemon/audio/mel/frames-between.js';
import { nemoMel } from '#daemon/audio/mel/variants.js';
import { melFramesOf } from '#daemon/models/conformer/causal-config.js';
import type { CausalConformerEncoder } from '#daemon/models/conformer/causal-encoder.js';
import { ChunkEncoder, disposeState } from '#daemon/models/conformer/chunk-encoder.js';
import { convert } from '#daemon/models/nemotron/convert-nemotron.js';
import { parseConfig } from '#daemon/models/nemotron/nemotron-config.js';
import { Nemotron } from '#daemon/models/nemotron/nemotron-network.js';
import { decodeGreedy } from '#daemon/models/transducer/greedy.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';
import { mx, type MxArray } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

const RATE = 16_000;
/** Of speech in English. */
const TOKENS_PER_SECOND = 3;
const CALIBRATION_CHUNKS = 24;
const FRAME_SECONDS = 0.08;

interface Size {
  readonly layers: number;
  readonly dims: number;
}

const SIZES = {
  /** `nemotron-speech-streaming-en-0.6b` */
  '0.6b': { layers: 24, dims: 1024 },
  /** For measurements over hours. */
  small: { layers: 3, dims: 128 },
} satisfies Record<string, Size>;

export type NemotronSize = keyof typeof SIZES;

/** As NeMo writes it. */
function configOf({ layers, dims }: Size): Record<string, unknown> {
  const isFull = dims === 1024;
  return {
    target: 'nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel',
    preprocessor: { normalize: 'NA', features: 128 },
    encoder: {
      feat_in: 128,
      n_layers: layers,
      d_model: dims,
      n_heads: 8,
      ff_expansion_factor: 4,
      subsampling: 'dw_striding',
      subsampling_factor: 8,
      subsampling_conv_channels: isFull ? 256 : 64,
      causal_downsampling: true,
      self_attention_model: 'rel_pos',
      att_context_style: 'chunked_limited',
      att_context_size: [[70, 13], [70, 6], [70, 1], [70, 0]], // prettier-ignore
      conv_kernel_size: 9,
      conv_norm_type: 'layer_norm',
      conv_context_size: 'causal',
      use_bias: false,
      xscaling: false,
    },
    decoder: { prednet: { pred_hidden: isFull ? 640 : 64, pred_rnn_layers: 2 } },
    joint: {
      vocabulary: Array.from({ length: 1024 }, (_, i) => (i % 3 === 0 ? `▁w${i}` : `s${i}`)),
      jointnet: { joint_hidden: isFull ? 640 : 64, activation: 'relu' },
    },
  };
}

/**
 * Does nothing if the directory has a model.
 *
 * @param bits of quantized weights; float32 if omitted
 */
export async function writeRandomNemotron(dir: string, size: NemotronSize, bits?: 8): Promise<string> {
  const whole = join(dir, `nemotron-random-${size}`);
  if (!existsSync(join(whole, 'config.json'))) {
    mkdirSync(whole, { recursive: true });
    const json = configOf(SIZES[size]);
    using model = randomNemotron(json);
    await calibrate(model);
    mx.saveSafetensors(join(whole, 'model.safetensors'), Object.fromEntries(model.namedParameters()));
    writeFileSync(join(whole, 'config.json'), JSON.stringify(json));
  }
  if (bits === undefined) return whole;
  const quantized = `${whole}-${bits}bit`;
  if (existsSync(join(quantized, 'config.json'))) return quantized;
  mkdirSync(quantized, { recursive: true });
  await convert(whole, quantized, { bits, groupSize: 64, dtype: 'float16' }, {});
  return quantized;
}

function randomNemotron(json: Record<string, unknown>): Nemotron {
  const model = new Nemotron(parseConfig(json));
  const weights = new Map<string, MxArray>();
  let seed = 0;
  for (const [name, { shape }] of model.namedParameters()) {
    const isNorm = /norm\w*\.weight$/.test(name);
    const inputs = shape.slice(1).reduce((product, n) => product * n, 1);
    const scale = shape.length > 1 ? inputs ** -0.5 : 0.02;
    const array = isNorm ? mx.ones(shape) : mx.random.normal(shape, { scale, key: mx.random.key(seed++) });
    weights.set(name, array);
    mx.eval(array);
  }
  return model.loadWeights(weights);
}

/** Noise whose loudness and colour change, so that frames differ. */
export function randomAudio(seconds: number): Float32Array {
  let [state, low] = [1, 0];
  return Float32Array.from({ length: seconds * RATE }, (_, t) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    low += (state / 2 ** 32 - 0.5 - low) * (0.05 + 0.4 * (1 + Math.sin(t * 0.0004)));
    return low * (0.3 + 0.2 * Math.sin(t * 0.0009));
  });
}

/** Makes frames matter as much as tokens, and the blank win as often as in speech. */
async function calibrate({ encoder, joint, decoder, config }: Nemotron): Promise<void> {
  const features = await featuresOf(encoder);
  const enc = joint.enc as nn.Linear;
  const [weight, bias] = mx.tidy(() => {
    const frames = joint.enc.forward(features);
    const factor = mx.divide(1, mx.std(frames, 0));
    const shift = mx.multiply(mx.negative(mx.mean(frames, 0)), factor);
    return [mx.multiply(enc.weight, mx.expandDims(factor, 1)), shift] as const;
  });
  replace(enc, weight, bias);

  const output = joint.joint_net[2] as nn.Linear;
  const transducer = new Transducer(config.transducer, decoder, joint, 'float32');
  const wanted = TOKENS_PER_SECOND * (features.shape[0] ?? 0) * FRAME_SECONDS;
  const classes = config.tokens + 1;
  const raise = (by: number): MxArray =>
    mx.tidy(() => mx.where(mx.equal(mx.arange(classes), config.tokens), by, mx.zeros([classes])));
  let [low, high] = [0, 20];
  for (let i = 0; i < 12; i++) {
    const middle = (low + high) / 2;
    const raised = raise(middle);
    const { length } = await decodeGreedy(transducer, features, { bias: raised });
    raised.dispose();
    if (length < wanted) high = middle;
    else low = middle;
  }
  const raised = mx.tidy(() => mx.add(output.bias ?? 0, raise(high)));
  replace(output, output.weight, raised);
  features.dispose();
}

function replace(layer: nn.Linear, weight: MxArray, bias: MxArray): void {
  mx.eval(weight, bias);
  const before = [layer.weight, ...(layer.bias ? [layer.bias] : [])];
  layer.loadWeights({ weight, bias });
  mx.dispose(before.filter((array) => array !== weight));
}

async function featuresOf(encoder: CausalConformerEncoder): Promise<MxArray> {
  const chunkFrames = 7;
  const chunks = new ChunkEncoder(encoder, chunkFrames, 'float32');
  const mel = new SpectralFrontEnd(nemoMel(encoder.config.bands));
  const to = melFramesOf(CALIBRATION_CHUNKS, chunkFrames);
  const samples = randomAudio(Math.ceil(to / 100) + 1);
  const frames = framesBetween(mel, 0, to, samples.length, (a, b) => samples.slice(a, b));
  const start = chunks.start();
  const { features, state } = await chunks.encode(frames, start, false, new AbortController().signal);
  disposeState(start);
  disposeState(state);
  chunks.dispose();
  mel.dispose();
  return features;
}
