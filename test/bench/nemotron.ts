/**
 * Cost of Nemotron streaming at full size (0.6 B) with random float32 weights: decode steps of live audio at each look-ahead,
 * and a file. Random weights measure no words.
 */
import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { nemoMel } from '#daemon/audio/mel/variants.js';
import { ChunkEncoder } from '#daemon/models/conformer/chunk-encoder.js';
import type { NemotronConfig } from '#daemon/models/nemotron/nemotron-config.js';
import { CHUNKS_AT_ONCE } from '#daemon/models/nemotron/nemotron-decoder.js';
import { Nemotron } from '#daemon/models/nemotron/nemotron-network.js';
import { UtteranceDecoder } from '#daemon/models/nemotron/utterance-decoder.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { median, printTable, saveResult } from './report.js';

const RATE = 16_000;
const SECONDS = 14;
const FRAME_MS = 80;
/** Steps whose left context is not complete yet. */
const WARM_UP_SECONDS = 8;
/** Bias of the blank. Speech has about three tokens a second, which random weights meet with no bias tried so far. */
const BLANK_BIAS = Number(process.env.SOTTO_BENCH_BLANK_BIAS ?? 3.5);

const CONFIG: NemotronConfig = {
  encoder: {
    bands: 128,
    layers: 24,
    dims: 1024,
    heads: 8,
    feedForwardDims: 4096,
    kernelSize: 9,
    subsamplingChannels: 256,
    hasBias: false,
    hasConvolutionBias: false,
    isInputScaled: false,
    leftFrames: 70,
  },
  lookahead: 13,
  tokens: 1024,
  transducer: {
    encoderDims: 1024,
    tokens: 1024,
    predictionDims: 640,
    predictionLayers: 2,
    jointDims: 640,
    activation: 'relu',
    durations: [],
    maxSymbols: 10,
  },
};

export async function nemotron(argv: string[]): Promise<void> {
  const model = randomNemotron();
  const mel = new SpectralFrontEnd(nemoMel(CONFIG.encoder.bands));
  const transducer = new Transducer(CONFIG.transducer, model.decoder, model.joint, model.dtype);
  const samples = Float32Array.from({ length: SECONDS * RATE }, (_, t) => 0.2 * Math.sin(t * t * 1e-6));
  const result: Record<string, number> = {};
  for (const chunkFrames of [7, 14, 2, 1]) {
    const encoder = new ChunkEncoder(model.encoder, chunkFrames, model.dtype);
    const deps = { model, mel, transducer, encoder, slot: 0 };
    const live = await secondsOfSteps(new UtteranceDecoder(deps), samples, chunkFrames);
    const stepSeconds = (chunkFrames * FRAME_MS) / 1000;
    result[`${chunkFrames * FRAME_MS} ms: step`] = live.seconds;
    result[`${chunkFrames * FRAME_MS} ms: RTF`] = live.seconds / stepSeconds;
    result[`${chunkFrames * FRAME_MS} ms: tokens`] = live.tokens;
    if (chunkFrames === 14) {
      const begin = performance.now();
      const decoder = new UtteranceDecoder(deps);
      const { signal } = new AbortController();
      await decoder.advance(audioOf(samples, samples.length), signal, CHUNKS_AT_ONCE);
      result['file: RTF'] = (performance.now() - begin) / 1000 / SECONDS;
      decoder.dispose();
    }
    encoder.dispose();
    console.error(result); // each of the next ones may run for minutes
  }
  mel.dispose();
  model.dispose();
  printTable(
    ['', 'value'],
    Object.entries(result).map(([name, value]) => [name, String(Math.round(value * 10_000) / 10_000)]),
  );
  saveResult('nemotron', result, argv.includes('--save-baseline'));
}

function audioOf(samples: Float32Array, end: number) {
  return { end, read: (from: number, to: number) => samples.slice(from, to) };
}

/** Median seconds of a step, once the left context is complete. */
async function secondsOfSteps(
  decoder: UtteranceDecoder,
  samples: Float32Array,
  chunkFrames: number,
): Promise<{ seconds: number; tokens: number }> {
  const { signal } = new AbortController();
  const stepSamples = (chunkFrames * FRAME_MS * RATE) / 1000;
  const times: number[] = [];
  let tokens = 0;
  for (let end = stepSamples; end <= samples.length; end += stepSamples) {
    const begin = performance.now();
    tokens += (await decoder.advance(audioOf(samples, end), signal)).length;
    if (end > WARM_UP_SECONDS * RATE) times.push((performance.now() - begin) / 1000);
  }
  decoder.dispose();
  return { seconds: median(times), tokens };
}

function randomNemotron(): Nemotron {
  const model = new Nemotron(CONFIG);
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
  const bias = weights.get('joint.joint_net.2.bias');
  if (bias !== undefined) {
    const raised = mx.where(mx.equal(mx.arange(bias.shape[0] ?? 0), CONFIG.tokens), BLANK_BIAS, bias);
    weights.set('joint.joint_net.2.bias', raised);
    mx.eval(raised);
  }
  model.loadWeights(weights);
  if (nn.canPack()) nn.pack(model);
  mx.eval(...model.parameters());
  return model;
}
