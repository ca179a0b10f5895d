/**
 * Profile of a window and a token. Runs the same work three times: normally, with every call of `mx` counted, and op by op
 * with each op evaluated separately. Compares the results with the limits of this machine.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { mx } from '#native/index.js';
import { z } from 'zod';
import { pickClips, TWELVE } from '../clips.js';
import { THREADS } from '../contenders.js';
import { float16Model, load, PLAIN, samplesOf, starterModel, streamOf, tokenCount } from '../in-process.js';
import { commit, machine, saveResult } from '../report.js';
import { markdownProfile, type Profile } from './report.js';
import { float32Products, readGbPerSecond } from '#daemon/engine/selftest/roofline.js';
import { crossFlop, encoderFlop, tokenNumbers } from '#daemon/models/whisper/memory/flop.js';
import { stageOf } from './stages.js';
import { watchCalls, watchOps } from './watch.js';

const DENSE = 'libri-2609-156975-0007';
const WINDOW_SAMPLES = 480_000;
const FULL_FRAMES = 1500;

const Config = z
  .object({
    n_mels: z.number(),
    n_vocab: z.number(),
    n_audio_state: z.number(),
    n_audio_layer: z.number(),
    n_text_state: z.number(),
    n_text_layer: z.number(),
  })
  .transform((config) => ({
    nMels: config.n_mels,
    nVocab: config.n_vocab,
    nAudioState: config.n_audio_state,
    nAudioLayer: config.n_audio_layer,
    nTextState: config.n_text_state,
    nTextLayer: config.n_text_layer,
  }));

interface Lap {
  readonly melMs: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  /** Time from the first text to the first segment, divided by the tokens in between. */
  readonly tokenMs: number;
  /** Number of tokens. */
  readonly tokens: number;
}

async function transcribeOnce(model: Recognizer, samples: Float32Array, timestamps: boolean): Promise<Lap> {
  let firstText: number | undefined;
  let firstSegment: number | undefined;
  let tokensOfFirst = 0;
  const events = model.transcribe(
    streamOf(samples),
    { ...PLAIN, timestamps, language: 'en' },
    new AbortController().signal,
  );
  for (;;) {
    const { done, value } = await events.next();
    if (done === true) {
      const { mel, encode, decode } = value.timings;
      const steps = Math.max(1, timestamps ? tokensOfFirst : tokenCount(value));
      return {
        melMs: 1000 * mel,
        encodeMs: 1000 * encode,
        decodeMs: 1000 * decode,
        tokenMs: ((firstSegment ?? 0) - (firstText ?? 0)) / steps,
        tokens: tokenCount(value),
      };
    }
    if (value.type === 'text') firstText ??= performance.now();
    if (value.type === 'segment') firstSegment ??= performance.now();
    // All segments of a window are emitted at once, after its last token.
    if (value.type === 'segment') tokensOfFirst += value.segment.tokens?.length ?? 0;
  }
}

const minOf = (laps: readonly Lap[], what: keyof Lap) => Math.min(...laps.map((lap) => lap[what]));

async function readMsPerMinute(file: string, seconds: number): Promise<number> {
  const begin = performance.now();
  await samplesOf(file);
  return ((performance.now() - begin) * 60) / seconds;
}

export async function profile(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string' },
      repeat: { type: 'string', default: '5' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const folder = args.model ?? float16Model() ?? starterModel();
  const dimensions = Config.parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
  const clip = pickClips(TWELVE).find(({ id }) => id === DENSE) ?? pickClips([])[0];
  if (clip === undefined) throw new Error('there are no clips');
  const speech = await samplesOf(clip.file);
  // A full window of any content: without timestamps it is decoded to its end.
  const window = Float32Array.from({ length: WINDOW_SAMPLES }, (_, i) => speech[i % speech.length] ?? 0);

  const model = await load(folder);
  const laps = async (samples: Float32Array, timestamps: boolean) => {
    await transcribeOnce(model, samples, timestamps);
    const all: Lap[] = [];
    for (let i = 0; i < Number(args.repeat); i++) all.push(await transcribeOnce(model, samples, timestamps));
    return all;
  };
  const wholeWindow = await laps(window, false);
  const clipLaps = await laps(speech, true);
  const once = (samples: Float32Array, timestamps: boolean) => async () => {
    await transcribeOnce(model, samples, timestamps);
  };
  const calls = {
    window: await watchCalls(stageOf, once(window, false)),
    clip: await watchCalls(stageOf, once(speech, true)),
  };
  const ops = {
    window: await watchOps(stageOf, once(window, false)),
    clip: await watchOps(stageOf, once(speech, true)),
  };
  const { cpu, cores, os, node, date } = machine();
  const result: Profile = {
    about: {
      commit: commit(),
      date,
      machine: `${cpu}, ${cores} cores, ${os}, Node ${node}, MLX ${mx.version} on the ${mx.defaultDevice()}`,
      model: basename(folder),
      settings: `best of ${args.repeat}; window: 30 s without timestamps; token: the ${speech.length / 16_000} s clip ${clip.id} with timestamps`,
    },
    readMsPerMinute: await readMsPerMinute(clip.file, clip.seconds),
    window: {
      melMs: minOf(wholeWindow, 'melMs'),
      encodeMs: minOf(wholeWindow, 'encodeMs'),
      calls: Object.fromEntries(calls.window),
      ops: ops.window,
    },
    token: {
      tokens: minOf(clipLaps, 'tokens'),
      decodeMs: minOf(clipLaps, 'decodeMs'),
      ms: minOf(clipLaps, 'tokenMs'),
      calls: Object.fromEntries(calls.clip),
      ops: ops.clip,
    },
    machine: {
      readGbPerSecond: { one: await readGbPerSecond(1), all: await readGbPerSecond(THREADS) },
      products: float32Products(),
    },
    required: {
      encoderFlop: encoderFlop(dimensions, FULL_FRAMES),
      crossFlop: crossFlop(dimensions, FULL_FRAMES),
      tokenNumbers: tokenNumbers(dimensions, FULL_FRAMES),
    },
  };
  model.dispose();
  const markdown = markdownProfile(result);
  console.log(markdown);
  // The table sums up the ops; the list of all is too long.
  const { window: ofWindow, token: ofToken, ...rest } = result;
  const kept = { ...rest, window: { ...ofWindow, ops: undefined }, token: { ...ofToken, ops: undefined } };
  saveResult('profile', kept, args['save-baseline'], { md: markdown });
}
