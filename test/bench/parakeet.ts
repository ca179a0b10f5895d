/**
 * Cost of Parakeet at the size of tdt-0.6b-v2 with random float32 weights over 30 s: the encoder, and the transducer's loop
 * over its frames. Beside transformers on torch in the same run, if `SOTTO_TORCH_PYTHON` names a Python that has both.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { encodeMel } from '#daemon/models/conformer/encode-mel.js';
import { fusedParakeet } from '#daemon/models/parakeet/fused-parakeet.js';
import { Parakeet } from '#daemon/models/parakeet/parakeet-network.js';
import type { ParakeetConfig } from '#daemon/models/parakeet/parakeet-config.js';
import { transducerOf } from '#daemon/models/parakeet/parakeet-transducer.js';
import { decodeSequence } from '#daemon/models/transducer/transducer-decoder.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { median, printTable, saveResult } from './report.js';

const SECONDS = 30;
const RUNS = 3;
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

export async function parakeet(argv: string[]): Promise<void> {
  const model = randomParakeet();
  const { signal } = new AbortController();
  const transducer = transducerOf(model);
  if (transducer === undefined) throw new Error('the model has no transducer');
  const encoding: number[] = [];
  const decoding: number[] = [];
  let tokens = 0;
  for (let run = 0; run <= RUNS; run++) {
    const mel = mx.keep(mx.random.normal([SECONDS * 100, CONFIG.encoder.bands], { key: mx.random.key(1) }));
    mx.eval(mel);
    const begin = performance.now();
    const features = await encodeMel(model.encoder, mel, signal);
    const between = performance.now();
    const emissions = await decodeSequence(transducer, features, {}, signal);
    tokens = emissions.length;
    if (run > 0) {
      encoding.push((between - begin) / 1000);
      decoding.push((performance.now() - between) / 1000);
    }
    features.dispose();
  }
  model.dispose();
  const [encoder, loop] = [median(encoding), median(decoding)];
  const torch = torchSeconds();
  const result = {
    encoderSeconds: encoder,
    encoderRtf: encoder / SECONDS,
    loopSeconds: loop,
    loopShare: loop / encoder,
    tokens,
    ...(tokens > 0 && {
      tokenMs: (1000 * loop) / tokens,
      loopShareOfSpeech: (loop * SPEECH_TOKENS) / tokens / encoder,
    }),
    ...(torch !== undefined && { torchSeconds: torch, timesTorch: torch / encoder }),
  };
  printTable(
    ['', 'value'],
    Object.entries(result).map(([name, value]) => [name, String(Math.round(value * 10_000) / 10_000)]),
  );
  saveResult('parakeet', result, argv.includes('--save-baseline'));
}

function randomParakeet(): Parakeet {
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
  nn.fuse(model, fusedParakeet);
  if (nn.canPack()) nn.pack(model);
  mx.eval(...model.parameters());
  return model;
}

function torchSeconds(): number | undefined {
  const python = process.env.SOTTO_TORCH_PYTHON;
  if (python === undefined) return undefined;
  const script = fileURLToPath(new URL('../../../test/reference/time-parakeet.py', import.meta.url));
  const { stdout, status, stderr } = spawnSync(python, [script, String(SECONDS)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return Number(stdout);
}
