/**
 * Accuracy of the start times of words: Sotto, openai-whisper and faster-whisper on the clips with word times, each with
 * its own transcript of the same float16 weights. Only words that all of them have count.
 *
 *     npm run bench -- words [--model DIR] [--clips ID,…]
 *
 * Peers run if their environments are set up (test/reference/setup.sh torch, test/bench/peers/setup.sh) and the model is
 * not quantized. The clips' own times come from another recognizer and are accurate within a few hundredths of a second.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { SpeechSegmenter, VoiceActivity } from '#daemon/audio/vad/index.js';
import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import { decodeWindow, makeCaches } from '#daemon/models/whisper/decode/decode.js';
import { disposeWindow, encode } from '#daemon/models/whisper/encode/encode.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { cutSegments } from '#daemon/models/whisper/decode/segments.js';
import { addWordTimes } from '#daemon/models/whisper/words/word-times.js';
import type { SpeechSpan } from '#daemon/models/pieces/piece-decoder.js';
import { root, speechFolder } from './clips.js';
import { float16Model, samplesOf, starterModel, streamOf } from './in-process.js';
import { median, printTable, saveResult, sum } from './report.js';

/** A word and its start in seconds. */
type TimedWord = readonly [word: string, start: number];

interface TimedClip {
  readonly id: string;
  readonly file: string;
  readonly language: string;
  readonly words: readonly TimedWord[];
}

const UNSPACED_LANGUAGES = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);
const SAMPLE_RATE = 16_000;
const neverAborted = new AbortController().signal;

export async function words(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: float16Model() ?? starterModel() },
      clips: { type: 'string' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const ids = args.clips?.split(',');
  const clips = timedClips().filter(({ id }) => ids?.includes(id) ?? true);
  const byProgram = new Map<string, Map<string, TimedWord[]>>(); // by program, by clip
  for (const [name, found] of await sottoWords(args.model, clips)) byProgram.set(name, found);
  for (const [name, found] of peers(args.model, clips)) byProgram.set(name, found);

  const errors = new Map([...byProgram.keys()].map((name): [string, number[]] => [name, []]));
  let all = 0;
  for (const clip of clips) {
    const truth = units(clip.words, clip.language);
    all += clip.words.length;
    const found = [...byProgram].map(([name, of]): [string, Map<number, number>] => [
      name,
      matched(truth, units(of.get(clip.id) ?? [], clip.language)),
    ]);
    for (const [i, [, start]] of truth.entries()) {
      const starts = found.map(([name, at]): [string, number | undefined] => [name, at.get(i)]);
      if (start === undefined || starts.some(([, at]) => at === undefined)) continue;
      for (const [name, at] of starts) errors.get(name)?.push((at ?? NaN) - start);
    }
  }
  const mean = (values: readonly number[]): number => sum(values) / values.length;
  const count = [...errors.values()][0]?.length ?? 0;
  const table = [...errors].map(([name, signed]) => {
    const off = signed.map(Math.abs);
    return { name, meanMs: 1000 * mean(off), medianMs: 1000 * median(off), biasMs: 1000 * mean(signed) };
  });
  console.log(`start of ${count} words of ${all}, on ${clips.length} clips`);
  printTable(
    ['contender', 'mean absolute error, ms', 'median, ms', 'mean delay, ms'],
    table.map(({ name, ...ms }) => [name, ...[ms.meanMs, ms.medianMs, ms.biasMs].map((x) => x.toFixed(0))]),
  );
  const settings = { model: basename(args.model), clips: clips.map(({ id }) => id), words: count };
  saveResult('words', { settings, table }, args['save-baseline']);
}

function timedClips(): TimedClip[] {
  const folder = speechFolder();
  return readFileSync(join(folder, 'manifest.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"word_times"'))
    .map((line) => JSON.parse(line) as { word_times: [string, number, number][]; split?: string } & TimedClip)
    .filter(({ split }) => split === undefined || split === 'open')
    .map(({ id, file, language, word_times }) => ({
      id,
      file: join(folder, file),
      language,
      words: word_times.map(([word, start]): TimedWord => [word, start]),
    }));
}

/** Word times of clips that fit in a window, as the model finds them, and clipped to the speech segments of the VAD. */
async function sottoWords(
  dir: string,
  clips: readonly TimedClip[],
): Promise<Map<string, Map<string, TimedWord[]>>> {
  const model = await WhisperModel.load(dir);
  const activity = await VoiceActivity.load();
  const { model: network, tokenizer, mel: transform } = model.deps;
  const caches = makeCaches(network);
  const filters = new LogitFilters(tokenizer, network.config, { timestamps: true });
  const found = new Map([
    ['Sotto', new Map<string, TimedWord[]>()],
    ['Sotto, clipped to speech', new Map<string, TimedWord[]>()],
  ]);
  for (const { id, file, language } of clips) {
    const samples = await samplesOf(file);
    const windows = new AudioWindows(streamOf(samples).samples, transform);
    const span = (await windows.next(0, neverAborted)) ?? { start: 0, frames: 0 };
    const audioFrames = span.frames;
    const window = await encode(
      network,
      await windows.mel(span, WINDOW_FRAMES, 'zero', network.dtype),
      neverAborted,
    );
    const startSequence = tokenizer.startSequence(language, 'transcribe', true);
    const run = decodeWindow(
      { model: network, tokenizer, caches, filters, startSequence, seed: 0 },
      window,
      [],
      0,
      neverAborted,
    );
    let step = await run.next();
    while (step.done !== true) step = await run.next();
    const { segments } = cutSegments(step.value, tokenizer, 0, audioFrames);
    const plain = { startSequence, language, audioFrames, offsetSeconds: 0, lastSpeechSeconds: 0 };
    for (const [name, speech] of [
      ['Sotto', undefined],
      ['Sotto, clipped to speech', spoken(activity, samples)],
    ] as const) {
      const timed = await addWordTimes(segments, model.deps, window, { ...plain, speech }, neverAborted);
      const timedWords = timed.flatMap(({ words = [] }) =>
        words.map(({ word, start }): TimedWord => [word, start]),
      );
      found.get(name)?.set(id, timedWords);
    }
    disposeWindow(window);
    await windows.dispose();
  }
  filters.dispose();
  for (const cache of caches) cache.dispose();
  activity.dispose();
  model.dispose();
  return found;
}

function spoken(activity: VoiceActivity, samples: Float32Array): SpeechSpan[] {
  const stream = activity.stream();
  const segmenter = new SpeechSegmenter({ minSilenceMs: 100, minSpeechMs: 60, speechPadMs: 30 });
  const segments = [
    ...segmenter.push(stream.push(samples)),
    ...segmenter.push(stream.flush()),
    ...segmenter.end(samples.length),
  ];
  return segments.map(({ start, end }) => ({ start: start / SAMPLE_RATE, end: end / SAMPLE_RATE }));
}

/** Word times of openai-whisper and of faster-whisper with converted weights, if they are set up. */
function peers(dir: string, clips: readonly TimedClip[]): Map<string, Map<string, TimedWord[]>> {
  const reference = join(root, 'test/reference');
  const results = join(root, 'test/bench/results');
  mkdirSync(results, { recursive: true });
  const found = new Map<string, Map<string, TimedWord[]>>();
  const config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')) as object;
  if ('quantization' in config) {
    console.error('the peers are skipped: the model is quantized (use --model DIR with float16 weights)');
    return found;
  }
  for (const [name, environment, weights] of [
    ['openai', '.venv-torch', dir],
    ['faster-whisper', '.venv-ct2', join(reference, '.weights-peers/base-ct2')],
  ] as const) {
    const python = join(reference, environment, 'bin/python');
    const out = join(results, `words-${name}.jsonl`);
    if (!existsSync(python) || !existsSync(weights)) {
      console.error(`${name} is skipped: it is not set up`);
      continue;
    }
    const argv = [join(reference, 'word-times.py'), name, weights, out, ...clips.map(({ id }) => id)];
    const { status } = spawnSync(python, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`${name} failed`);
    const rows = readFileSync(out, 'utf8').trim().split('\n');
    const parsed = rows.map((row) => JSON.parse(row) as { id: string; words: [string, number, number][] });
    found.set(
      name,
      new Map(parsed.map(({ id, words }) => [id, words.map(([w, start]): TimedWord => [w, start])])),
    );
  }
  return found;
}

/** Unit of comparison: a word, or a character, of which only the first of a word has a time. */
export type Unit = readonly [text: string, start: number | undefined];

export function units(words: readonly TimedWord[], language: string): Unit[] {
  return words.flatMap(([word, start]): Unit[] => {
    const text = word.toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, '');
    if (text === '') return [];
    if (!UNSPACED_LANGUAGES.has(language)) return [[text, start]];
    return Array.from(text, (character, i): Unit => [character, i === 0 ? start : undefined]);
  });
}

/** Start times in `got` of the units of `truth` that match by the fewest edits, by index in `truth`. */
export function matched(truth: readonly Unit[], got: readonly Unit[]): Map<number, number> {
  const width = got.length + 1;
  const costs = new Uint16Array((truth.length + 1) * width);
  const at = (i: number, j: number): number => costs[i * width + j] ?? 0;
  for (let i = 0; i <= truth.length; i++) {
    for (let j = 0; j <= got.length; j++) {
      if (i === 0 || j === 0) costs[i * width + j] = i + j;
      else {
        const change = truth[i - 1]?.[0] === got[j - 1]?.[0] ? 0 : 1;
        costs[i * width + j] = Math.min(at(i - 1, j - 1) + change, at(i - 1, j) + 1, at(i, j - 1) + 1);
      }
    }
  }
  const found = new Map<number, number>();
  for (let [i, j] = [truth.length, got.length]; i > 0 && j > 0;) {
    const [wanted, unit] = [truth[i - 1], got[j - 1]];
    if (wanted?.[0] === unit?.[0] && at(i, j) === at(i - 1, j - 1)) {
      const start = unit?.[1];
      if (start !== undefined) found.set(i - 1, start);
      [i, j] = [i - 1, j - 1];
    } else if (at(i, j) === at(i - 1, j - 1) + 1) [i, j] = [i - 1, j - 1];
    else if (at(i, j) === at(i - 1, j) + 1) i--;
    else j--;
  }
  return found;
}
