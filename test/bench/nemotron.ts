/**
 * Cost of Nemotron streaming at full size (0.6 B) with random weights: decode steps of live audio at each look-ahead, a file, and
 * the return to the middle of a dictation. Beside transformers' streaming encoder on torch, in turns, if `SOTTO_TORCH_PYTHON` names
 * a Python that has both. Random weights measure no words.
 *
 *     npm run bench -- nemotron [--bits none,8] [--lookahead 80,160,560,1120] [--seconds 8] [--weights DIR]
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { readGbPerSecond } from '#daemon/engine/selftest/roofline.js';
import { ChunkEncoder } from '#daemon/models/conformer/chunk-encoder.js';
import { NemotronModel } from '#daemon/models/nemotron/index.js';
import { CHUNKS_AT_ONCE } from '#daemon/models/nemotron/nemotron-decoder.js';
import { UtteranceDecoder, type UtteranceDeps } from '#daemon/models/nemotron/utterance-decoder.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';

import { randomAudio, writeRandomNemotron } from './random-nemotron.js';
import { median, printTable, saveResult } from './report.js';
import { TorchProcess, type TorchTimes } from './torch-process.js';

const RATE = 16_000;
const FRAME_MS = 80;
const THREADS = 2;
/** Steps whose left context is not complete yet, and some more. */
const WARM_UP_SECONDS = 6.5;
/** Spoken before a dictation is resumed: the longest part that is encoded again without and with the longest utterance. */
const RESUMED_AFTER_SECONDS = [40, 170];

interface Row {
  readonly weights: string;
  readonly lookaheadMs: number;
  /** Medians of a step. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly tokensPerSecond: number;
  /** To read all weights once from memory. */
  readonly boundSeconds: number;
  /** Of the encoder alone. */
  readonly torch: TorchTimes | undefined;
}

export async function nemotron(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      bits: { type: 'string', default: 'none,8' },
      lookahead: { type: 'string', default: '80,160,560,1120' },
      seconds: { type: 'string', default: '8' },
      weights: { type: 'string', default: join(tmpdir(), 'sotto-nemotron') },
      'no-resume': { type: 'boolean', default: false },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const torch = TorchProcess.start('time-nemotron.py', THREADS);
  const rows: Row[] = [];
  const gbPerSecond = await readGbPerSecond(THREADS);
  const others: Record<string, number> = { 'memory, GB/s': gbPerSecond };
  for (const bits of args.bits.split(',')) {
    const weights = bits === 'none' ? 'float32' : `${bits} bit`;
    const dir = await writeRandomNemotron(args.weights, '0.6b', bits === 'none' ? undefined : 8);
    const model = await NemotronModel.load(dir);
    others[`${weights}: weights, GB`] = model.weightBytes / 1e9;
    for (const lookaheadMs of args.lookahead.split(',').map(Number)) {
      const [chunkFrames, seconds] = [lookaheadMs / FRAME_MS, Number(args.seconds)];
      const encoder = new ChunkEncoder(model.deps.model.encoder, chunkFrames, model.deps.model.dtype);
      const steps = Math.ceil((seconds * 1000) / lookaheadMs);
      const live = await costOfSteps(depsOf(model, encoder), lookaheadMs, steps);
      const boundSeconds = model.weightBytes / 1e9 / gbPerSecond;
      const ofTorch = await torch?.measure(`${chunkFrames - 1} ${steps}`);
      rows.push({ weights, lookaheadMs, ...live, boundSeconds, torch: ofTorch });
      console.error(rows.at(-1));
      encoder.dispose();
    }
    const encoder = new ChunkEncoder(model.deps.model.encoder, 7, model.deps.model.dtype);
    const deps = depsOf(model, encoder);
    others[`${weights}: file, s/s`] = await fileRtf(deps);
    for (const after of args['no-resume'] ? [] : RESUMED_AFTER_SECONDS)
      others[`${weights}: resume after ${after} s, s`] = await resumeSeconds(deps, after);
    console.error(others);
    encoder.dispose();
    model.dispose();
  }
  torch?.stop();
  const number = (value: number, digits = 3): string => value.toFixed(digits);
  printTable(
    [
      'weights',
      'look-ahead, ms',
      'step, s',
      's / s',
      'CPU, s / s',
      'reading the weights, s / s',
      'tokens / s',
      'torch’s encoder, s / s',
      'CPU, s / s',
      '× torch',
      '× torch, CPU',
    ],
    rows.map(({ weights, lookaheadMs, seconds, cpuSeconds, boundSeconds, tokensPerSecond, torch: other }) => {
      const perSecond = (value: number): string => number((value * 1000) / lookaheadMs);
      return [
        ...[weights, String(lookaheadMs), number(seconds), perSecond(seconds), perSecond(cpuSeconds)],
        ...[perSecond(boundSeconds), number(tokensPerSecond, 1)],
        ...(other ? [perSecond(other.seconds), perSecond(other.cpu)] : ['', '']),
        ...(other ? [number(other.seconds / seconds, 2), number(other.cpu / cpuSeconds, 2)] : ['', '']),
      ];
    }),
  );
  printTable(
    ['', 'value'],
    Object.entries(others).map(([name, value]) => [name, number(value)]),
  );
  saveResult('nemotron', { rows, others }, args['save-baseline']);
}

function depsOf({ deps: { model, mel } }: NemotronModel, encoder: ChunkEncoder): UtteranceDeps {
  const transducer = new Transducer(model.config.transducer, model.decoder, model.joint, model.dtype);
  return { model, mel, transducer, encoder, slot: 0 };
}

function audioOf(samples: Float32Array, end: number) {
  return { end, read: (from: number, to: number) => samples.slice(from, to) };
}

/** Of a step once the left context is complete. */
async function costOfSteps(deps: UtteranceDeps, stepMs: number, steps: number) {
  const { signal } = new AbortController();
  const samples = randomAudio(WARM_UP_SECONDS + (steps * stepMs) / 1000);
  const decoder = new UtteranceDecoder(deps);
  const stepSamples = (stepMs * RATE) / 1000;
  const [wall, cpu]: [number[], number[]] = [[], []];
  let tokens = 0;
  for (let end = stepSamples; end <= samples.length; end += stepSamples) {
    const [begin, used] = [performance.now(), process.cpuUsage()];
    const { length } = await decoder.advance(audioOf(samples, end), signal);
    const { user, system } = process.cpuUsage(used);
    if (end <= WARM_UP_SECONDS * RATE) continue;
    wall.push((performance.now() - begin) / 1000);
    cpu.push((user + system) / 1e6);
    tokens += length;
  }
  decoder.dispose();
  const tokensPerSecond = tokens / ((wall.length * stepMs) / 1000);
  return { seconds: median(wall), cpuSeconds: median(cpu), tokensPerSecond };
}

async function fileRtf(deps: UtteranceDeps): Promise<number> {
  const samples = randomAudio(14);
  const decoder = new UtteranceDecoder(deps);
  const begin = performance.now();
  await decoder.advance(audioOf(samples, samples.length), new AbortController().signal, CHUNKS_AT_ONCE);
  decoder.dispose();
  return (performance.now() - begin) / 1000 / 14;
}

/** Of the first step of a session that continues after so many seconds of speech without a pause. */
async function resumeSeconds(deps: UtteranceDeps, after: number): Promise<number> {
  const stepSeconds = (deps.encoder.chunkFrames * FRAME_MS) / 1000;
  const samples = randomAudio(after + 1);
  const { predictionLayers, predictionDims } = deps.model.config.transducer;
  const recurrent = Array.from({ length: 2 * predictionLayers }, () => new Float32Array(predictionDims));
  const chunks = Math.floor(after / stepSeconds);
  const decoder = new UtteranceDecoder(deps, { chunks, recurrent });
  const begin = performance.now();
  await decoder.advance(audioOf(samples, samples.length), new AbortController().signal);
  decoder.dispose();
  return (performance.now() - begin) / 1000;
}
