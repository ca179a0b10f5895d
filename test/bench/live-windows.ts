/**
 * Shorter windows for live speech, for models that are wider than base.
 *
 *     npm run bench -- live-windows [--part cost|text] [--lengths 800,1000,…] [--sizes small,medium,turbo] [--model DIR]
 *
 * `cost`: encodes one window of each length, including the keys and values of the cross-attention, with random weights of
 * full size; lengths alternate, and the fastest run counts. `text`: the text of base with the policy of the larger models
 * and windows of each length. Base stands in for them, because no weights of a larger model were available.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { disposeWindow, encode } from '#daemon/models/whisper/encode/encode.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { windowFlop } from '#daemon/models/whisper/memory/flop.js';
import { LiveWhisper } from '#daemon/models/whisper/streaming/live-whisper.js';
import {
  type StreamingConfig,
  WIDE_MODEL_CONFIG,
} from '#daemon/models/whisper/streaming/streaming-config.js';
import { mx } from '#native/index.js';
import { SIZES } from '#test/models/model-sizes.js';
import { readClips, root, setOf } from './clips.js';
import { float16Model, samplesOf, streamOf, transcribe } from './in-process.js';
import { writeRandomWhisper } from './random-whisper.js';
import { markdownTable, printTable, quantile, saveResult, sum } from './report.js';
import { scoreTexts, missingScorer, totalErrors } from './score.js';
import type { Spoken } from './streaming/sotto-session.js';
import { type TextUpdate, sessionOf } from './streaming/session-figures.js';

const neverAborted = new AbortController().signal;
const SAMPLE_RATE = 16_000;
const FULL_FRAMES = 3000;
/** The catalogue's name of a size, and its dimensions. */
const SHAPES = {
  small: { ...SIZES['small.en'], n_vocab: 51_865 },
  medium: SIZES.medium,
  turbo: SIZES.turbo,
} as const;
/** Clips of one utterance, long enough for several decode steps. */
const MIN_CLIP_SECONDS = 5;
const MAX_CLIP_SECONDS = 26;
/** The same nine seconds in other containers, and a clip with two speakers at once. */
const EXCLUDED_CLIPS = ['jfk-mp3', 'sonnet1-9s-mp4', 'sonnet1-9s-ogg', 'stereo-two-speakers'];

export async function liveWindows(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      part: { type: 'string' },
      sizes: { type: 'string', default: Object.keys(SHAPES).join(',') },
      lengths: { type: 'string', default: '800,1000,1200,1500,2000,3000' },
      'min-frames': { type: 'string', default: '800,1000,1200,1600,3000' },
      repeat: { type: 'string', default: '3' },
      step: { type: 'string', default: '1' },
      model: { type: 'string', default: float16Model() ?? '' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const numbers = (list: string): number[] => list.split(',').map(Number);
  const isWanted = (part: string): boolean => args.part === undefined || args.part === part;
  const cost = isWanted('cost')
    ? await costOf(args.sizes.split(','), numbers(args.lengths), Number(args.repeat))
    : undefined;
  const text = isWanted('text')
    ? await textOf(args.model, numbers(args['min-frames']), Number(args.step))
    : undefined;
  const save = (part: string, result: object, [header, rows]: Table): void => {
    printTable(header, rows);
    const md = `${markdownTable(header, rows)}\n`;
    saveResult(`live-windows-${part}`, result, args['save-baseline'], { md });
  };
  if (cost !== undefined) save('cost', { cost }, costTable(cost));
  if (text !== undefined) save('text', { step: Number(args.step), text }, textTable(text));
}

interface Cost {
  readonly size: string;
  readonly frames: number;
  readonly seconds: number;
  readonly gigaflop: number;
  /** Relative to a full window of 30 s. */
  readonly timeRatio: number;
  readonly flopRatio: number;
}

async function costOf(sizes: readonly string[], lengths: readonly number[], repeat: number): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (const size of sizes) {
    if (!isShape(size))
      throw new Error(`unknown size ${size}; choose from ${Object.keys(SHAPES).join(', ')}`);
    const dir = mkdtempSync(join(tmpdir(), `sotto-${size}-`));
    try {
      writeRandomWhisper(dir, { size: { ...SHAPES[size] } });
      const model = await WhisperModel.load(dir);
      const network = model.deps.model;
      const bestSeconds = new Map<number, number>();
      for (let round = 0; round < repeat; round++) {
        for (const frames of lengths) {
          const noise = mx.keep(mx.tidy(() => mx.random.normal([1, frames, network.config.nMels])));
          await mx.ready(noise);
          const begin = performance.now();
          disposeWindow(await encode(network, noise, neverAborted));
          const seconds = (performance.now() - begin) / 1000;
          bestSeconds.set(frames, Math.min(seconds, bestSeconds.get(frames) ?? Infinity));
          console.error(`${size}, ${frames} frames: ${seconds.toFixed(2)} s`);
        }
      }
      const fullSeconds = bestSeconds.get(FULL_FRAMES) ?? NaN;
      const fullFlops = windowFlop(network.config, FULL_FRAMES);
      for (const [frames, seconds] of bestSeconds) {
        const flops = windowFlop(network.config, frames);
        const ratios = { timeRatio: seconds / fullSeconds, flopRatio: flops / fullFlops };
        costs.push({ size, frames, seconds, gigaflop: flops / 1e9, ...ratios });
      }
      model.dispose();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return costs;
}

function isShape(size: string): size is keyof typeof SHAPES {
  return size in SHAPES;
}

interface Text {
  /** Frames of the shortest window. */
  readonly minFrames: number;
  readonly wrong: number;
  readonly words: number;
  /** Decode steps between the end of a word and its commit: median, 90th percentile, mean. */
  readonly steps: readonly [median: number, p90: number, mean: number];
  readonly rewritten: number;
  /** Encoded mel frames per second of audio. */
  readonly framesPerSecond: number;
}

async function textOf(dir: string, minFrames: readonly number[], stepSeconds: number): Promise<Text[]> {
  const missing = missingScorer();
  if (missing !== undefined) throw new Error(missing);
  if (dir === '') throw new Error('set the float16 weights of base: SOTTO_BASE=DIR or --model DIR');
  const model = await WhisperModel.load(dir);
  const clips = readClips().filter(
    (clip) =>
      setOf(clip) === 'english' &&
      clip.seconds >= MIN_CLIP_SECONDS &&
      clip.seconds <= MAX_CLIP_SECONDS &&
      !EXCLUDED_CLIPS.includes(clip.id),
  );
  const spoken: Spoken[] = [];
  for (const { id, file } of clips) {
    const samples = await samplesOf(file);
    const options = { language: 'en', wordTimestamps: true };
    const { result } = await transcribe(model, streamOf(samples), options);
    const words = result.segments.flatMap((segment) => segment.words ?? []);
    spoken.push({ clip: id, samples, language: 'en', truth: words.map(({ word, end }) => [word, end]) });
  }
  const texts = new Map<string, Map<string, string>>();
  const measured: Omit<Text, 'wrong' | 'words'>[] = [];
  for (const frames of minFrames) {
    const window = { ...WIDE_MODEL_CONFIG.window, minFrames: frames };
    const config: StreamingConfig = { ...WIDE_MODEL_CONFIG, window };
    const all = [];
    for (const one of spoken) all.push(await streamClip(model, one, config, stepSeconds));
    texts.set(`min-${frames}`, new Map(all.map(({ clip, text }) => [clip, text])));
    const steps = all.flatMap(({ delays }) => delays.map((delay) => Math.max(0, delay) / stepSeconds));
    measured.push({
      minFrames: frames,
      steps: [quantile(steps, 0.5), quantile(steps, 0.9), sum(steps) / steps.length],
      rewritten: sum(all.map(({ rewritten }) => rewritten)) / sum(all.map(({ words }) => words)),
      framesPerSecond:
        (2 * sum(all.map(({ encodedFrames = 0 }) => encodedFrames))) /
        sum(all.map(({ audioSeconds }) => audioSeconds)),
    });
    console.error(`${basename(dir)}, windows of at least ${frames} frames: done`);
  }
  model.dispose();
  const ids = clips.map(({ id }) => id);
  const scores = scoreTexts(texts, join(root, 'test/bench/results/live-windows'));
  return measured.map((row) => {
    const total = totalErrors(scores.get(`min-${row.minFrames}`), ids);
    return { ...row, wrong: total?.errors ?? NaN, words: total?.words ?? NaN };
  });
}

/** Streams a clip with a decode step after each `stepSeconds`. Compute time does not count. */
async function streamClip(
  model: WhisperModel,
  { clip, samples, language, truth }: Spoken,
  config: StreamingConfig,
  stepSeconds: number,
) {
  let encodedFrames = 0;
  const onDecodeStep = (report: { encodedFrames: number }): void =>
    void (encodedFrames += report.encodedFrames);
  const live = new LiveWhisper(model.deps, { language, config, onDecodeStep });
  const updates: TextUpdate[] = [];
  const step = Math.round(stepSeconds * SAMPLE_RATE);
  for (let at = 0; at < samples.length; at += step) {
    const end = Math.min(samples.length, at + step);
    live.push(samples.subarray(at, end));
    const isLast = end === samples.length;
    const { committed, tentative } = await (isLast ? live.finish(neverAborted) : live.update(neverAborted));
    const text = committed.map(({ word }) => word).join('');
    updates.push({ at: end / SAMPLE_RATE, committed: text, tentative });
  }
  live.dispose();
  const audioSeconds = samples.length / SAMPLE_RATE;
  const times = { audioSeconds, computeSeconds: 0, cpuSeconds: 0 };
  return sessionOf({ clip, updates, language, truth, encodedFrames, ...times });
}

type Table = readonly [header: readonly string[], rows: readonly (readonly string[])[]];

function costTable(costs: readonly Cost[]): Table {
  const rows = costs.map(({ size, frames, gigaflop, seconds, timeRatio, flopRatio }) => [
    size,
    String(frames),
    gigaflop.toFixed(0),
    flopRatio.toFixed(2),
    seconds.toFixed(2),
    timeRatio.toFixed(2),
  ]);
  return [['size', 'mel frames', 'GFLOP', 'of 3000', 's, this CPU', 'of 3000'], rows];
}

function textTable(texts: readonly Text[]): Table {
  const rows = texts.map(({ minFrames, wrong, words, steps, rewritten, framesPerSecond }) => [
    String(minFrames),
    `${wrong} of ${words}`,
    ((100 * wrong) / words).toFixed(1),
    steps.map((count) => count.toFixed(2)).join(' / '),
    rewritten.toFixed(3),
    framesPerSecond.toFixed(0),
  ]);
  const header = ['min. frames', 'wrong words', '%', 'decode steps to commit, p50 / p90 / mean'];
  return [[...header, 'rewrites per word', 'mel frames encoded / s'], rows];
}
