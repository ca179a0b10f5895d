/**
 * Cost of Parakeet at the size of tdt-0.6b-v2 with random weights over 30 s: the encoder, and the transducer's loop over its
 * frames, of each form of the weights. In turns, with transformers on torch (float32) if `SOTTO_TORCH_PYTHON` names a Python that
 * has both. On a busy machine CPU time is steadier than wall time, and a ratio of one round steadier than one of two medians.
 *
 *     npm run bench -- parakeet [--rounds 5] [--forms float32,bfloat16]
 */
import { parseArgs } from 'node:util';

import { encodeMel } from '#daemon/models/conformer/encode-mel.js';
import { fusedParakeet } from '#daemon/models/parakeet/fused-parakeet.js';
import { Parakeet } from '#daemon/models/parakeet/parakeet-network.js';
import type { ParakeetConfig } from '#daemon/models/parakeet/parakeet-config.js';
import { transducerOf } from '#daemon/models/parakeet/parakeet-transducer.js';
import { decodeSequence } from '#daemon/models/transducer/transducer-decoder.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { median, printTable, saveResult } from './report.js';
import { timed, TorchProcess, type TorchTimes } from './torch-process.js';

const SECONDS = 30;
const THREADS = 2;
/** Tokens that speech has in that time. */
const SPEECH_TOKENS = 100;
/** Bias of the blank. Random weights emit 384 tokens with it, and none with twice that. */
const BLANK_BIAS = Number(process.env.SOTTO_BENCH_BLANK_BIAS ?? 1.5);

const CONFIG: ParakeetConfig = {
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
  },
  normalization: 'per feature',
  tokens: 1024,
  transducer: {
    encoderDims: 1024,
    tokens: 1024,
    predictionDims: 640,
    predictionLayers: 2,
    jointDims: 640,
    activation: 'relu',
    durations: [0, 1, 2, 3, 4],
    maxSymbols: 10,
  },
  hasCtc: false,
};

interface Round {
  readonly encoder: TorchTimes;
  readonly loop: TorchTimes;
  readonly tokens: number;
  readonly torch: TorchTimes | undefined;
}

export async function parakeet(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      rounds: { type: 'string', default: '5' },
      forms: { type: 'string', default: 'float32,bfloat16' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const forms = args.forms.split(',').map((dtype) => ({
    dtype,
    model: randomParakeet(dtype as Dtype),
    rounds: [] as Round[],
  }));
  const torch = TorchProcess.start('time-parakeet.py', THREADS);
  for (let round = 0; round <= Number(args.rounds); round++) {
    const ofTorch = await torch?.measure(String(SECONDS));
    for (const { model, rounds } of forms) {
      const own = await measure(model);
      if (round > 0) rounds.push({ ...own, torch: ofTorch });
    }
  }
  torch?.stop();
  for (const { model } of forms) model.dispose();
  const results = Object.fromEntries(forms.map(({ dtype, rounds }) => [dtype, resultOf(rounds)]));
  const rows = Object.keys(Object.values(results)[0] ?? {});
  printTable(
    ['', ...Object.keys(results)],
    rows.map((row) => [row, ...Object.values(results).map((result) => shown(result[row] ?? []))]),
  );
  saveResult('parakeet', results, args['save-baseline']);
}

async function measure(model: Parakeet): Promise<Omit<Round, 'torch'>> {
  const { signal } = new AbortController();
  const transducer = transducerOf(model);
  if (transducer === undefined) throw new Error('the model has no transducer');
  const mel = mx.keep(mx.random.normal([SECONDS * 100, CONFIG.encoder.bands], { key: mx.random.key(1) }));
  mx.eval(mel);
  const [features, encoder] = await timed(() => encodeMel(model.encoder, mel, signal));
  const [{ length: tokens }, loop] = await timed(() => decodeSequence(transducer, features, {}, signal));
  features.dispose();
  return { encoder, loop, tokens };
}

/** Values of each round. */
function resultOf(rounds: readonly Round[]): Record<string, number[]> {
  const each = (value: (round: Round) => number): number[] => rounds.map(value).filter(Number.isFinite);
  const ofTorch = (value: (round: Round, torch: TorchTimes) => number): number[] =>
    each((round) => (round.torch ? value(round, round.torch) : NaN));
  return {
    'encoder, RTF': each(({ encoder }) => encoder.seconds / SECONDS),
    'encoder, CPU s / s': each(({ encoder }) => encoder.cpu / SECONDS),
    'torch / encoder': ofTorch(({ encoder }, torch) => torch.seconds / encoder.seconds),
    'torch / encoder, CPU': ofTorch(({ encoder }, torch) => torch.cpu / encoder.cpu),
    tokens: each(({ tokens }) => tokens),
    'loop, ms / token': each(({ loop, tokens }) => (1000 * loop.seconds) / tokens),
    'loop of speech, % of encoder': each(
      ({ encoder, loop, tokens }) => (100 * loop.seconds * SPEECH_TOKENS) / tokens / encoder.seconds,
    ),
    'loop of speech, % of encoder, CPU': each(
      ({ encoder, loop, tokens }) => (100 * loop.cpu * SPEECH_TOKENS) / tokens / encoder.cpu,
    ),
  };
}

/** The median and the range. */
function shown(values: readonly number[]): string {
  const [middle, low, high] = [median(values), Math.min(...values), Math.max(...values)];
  const number = (value: number): string => String(Number(value.toPrecision(3)));
  return values.length === 0 ? '' : `${number(middle)} (${number(low)} … ${number(high)})`;
}

function randomParakeet(dtype: Dtype): Parakeet {
  const model = new Parakeet(CONFIG);
  const weights = new Map<string, MxArray>();
  let seed = 0;
  for (const [name, { shape }] of model.namedParameters()) {
    const isNorm = /norm\w*\.weight$/.test(name);
    const inputs = shape.slice(1).reduce((product, n) => product * n, 1);
    const array = isNorm
      ? mx.ones(shape)
      : mx.random.normal(shape, {
          scale: shape.length > 1 ? inputs ** -0.5 : 0.02,
          key: mx.random.key(seed++),
        });
    weights.set(name, array);
    mx.eval(array);
  }
  const bias = weights.get('joint.joint_net.2.bias');
  if (bias !== undefined) {
    const index = mx.arange(bias.shape[0] ?? 0);
    const raised = mx.where(mx.equal(index, CONFIG.tokens), BLANK_BIAS, bias);
    weights.set('joint.joint_net.2.bias', raised);
    mx.eval(raised);
  }
  model.loadWeights(weights);
  model.toDtype(dtype);
  mx.eval(...model.parameters());
  nn.fuse(model, fusedParakeet);
  if (nn.canPack()) nn.pack(model);
  model.toDtype('float32');
  mx.eval(...model.parameters());
  return model;
}
