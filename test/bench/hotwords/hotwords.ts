/**
 * Benefit and cost of hotwords: recognized listed names and rare words, word errors without listed words, and false
 * listed words. Compared with the list as a prompt, both, and faster-whisper's hotwords on the same weights.
 *
 *     npm run bench -- hotwords [--model DIR] [--conditions clean,telephone,…] [--half a|b|both] [--strengths 1.5,2] [--no-prompt] [--no-peer]
 *
 * `--live` measures live speech, decoded every half second: use `--max-clips 20`, because it takes long.
 *
 * Utterances alternate between two halves: the strength was tuned on half a, figures are reported on half b.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import { type DecodeContext, makeCaches } from '#daemon/models/whisper/decode/decode.js';
import { disposeWindow, encode, type EncodedWindow } from '#daemon/models/whisper/encode/encode.js';
import { decodeOnce } from '#daemon/models/whisper/decode/decode-once.js';
import { Hotwords, BONUS_NATS_PER_TOKEN, type WordTokenizer } from '#daemon/models/hotwords/hotword-trie.js';
import { MoonshineModel } from '#daemon/models/moonshine/index.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { root } from '../clips.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { readingMs, transcribeLive } from './live-hotwords.js';
import {
  type Condition,
  CONDITIONS,
  hotwordLists,
  silences,
  type Utterance,
  utterances,
  degrade,
} from './hotword-clips.js';
import { HotwordCounts } from './count-hotwords.js';
import { float16Model, load, plainOptions, starterModel, streamOf, transcribe } from '../in-process.js';
import { markdownTable, saveResult } from '../report.js';

const neverAborted = new AbortController().signal;
const NONE = 'no list';
/** Number of added names that do not occur, homophones first. */
const SIZES = [0, 100, 500, 1000];

/** Transcript of a clip; for Sotto also its speed. */
interface ClipResult {
  readonly text: string;
  readonly tokens?: number;
  readonly seconds?: number;
}

/** A clip in one condition. */
interface Sample extends Utterance {
  readonly key: string;
  readonly condition: Condition;
}

export async function hotwords(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: float16Model() ?? starterModel() },
      conditions: { type: 'string', default: CONDITIONS.join() },
      half: { type: 'string', default: 'b' },
      strengths: { type: 'string', default: String(BONUS_NATS_PER_TOKEN) },
      'no-prompt': { type: 'boolean', default: false },
      'no-peer': { type: 'boolean', default: false },
      live: { type: 'boolean', default: false },
      'max-clips': { type: 'string', default: 'Infinity' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const model = await load(args.model);
  const { languages = [] } = model.capabilities.transcribe ?? {};
  const samples = (await everything(args.conditions.split(','), args.half))
    .filter(({ language }) => languages.includes(language))
    .slice(0, Number(args['max-clips']));
  const strengths = args.strengths.split(',').map(Number);
  const results = new Map<string, Map<string, ClipResult>>(); // by way, by clip
  const put = (way: string, key: string, result: ClipResult): void => {
    const of = results.get(way) ?? new Map<string, ClipResult>();
    results.set(way, of.set(key, result));
  };
  if (args.live) await runSottoLive(model, samples, put);
  else if (model instanceof WhisperModel)
    await transcribeWithSotto(model, samples, strengths, !args['no-prompt'], put);
  else await transcribeWhole(model, samples, put);
  model.dispose();
  if (!args['no-peer'] && !args.live) peer(samples, put);

  const { names, homophones, distractors } = hotwordLists();
  const plain = results.get(NONE);
  const parts: string[] = [];
  const figures: object[] = [];
  for (const condition of [...new Set(samples.map((one) => one.condition)), undefined]) {
    const rows = [...results].map(([way, of]) => {
      const counts = new HotwordCounts(names, [...homophones, ...distractors]);
      for (const { key, text, condition: its } of samples) {
        const result = of.get(key);
        if (result === undefined || (condition !== undefined && its !== condition)) continue;
        counts.add(text, result, (way.startsWith('faster') ? of : plain)?.get(key)?.text ?? '');
      }
      figures.push({ condition: condition ?? 'all', way, ...counts.figures });
      return [way, ...counts.cells];
    });
    parts.push(`### ${condition ?? 'All'}\n\n${markdownTable(['', ...HotwordCounts.header], rows)}`);
  }
  const settings = { model: basename(args.model), half: args.half, strengths, samples: samples.length };
  const text = `${parts.join('\n\n')}\n`;
  console.log(text);
  const about = `# Hotwords\n\n\`npm run bench -- hotwords ${argv.filter((one) => one !== '--save-baseline').join(' ')}\`: ${samples.length} clips, half ${args.half}, strength ${strengths.join(', ')}.\n\n`;
  saveResult(args.live ? 'hotwords-live' : 'hotwords', { settings, figures }, args['save-baseline'], {
    md: about + text,
  });
}

async function everything(conditions: readonly string[], half: string): Promise<Sample[]> {
  const spoken = (await utterances()).filter((_, i) => half === 'both' || (i % 2 === 0) === (half === 'a'));
  const quiet = await silences();
  return CONDITIONS.filter((condition) => conditions.includes(condition)).flatMap((condition, i) =>
    [...spoken, ...(i === 0 ? quiet : [])].map((one) => ({
      ...one,
      samples: degrade(one.samples, condition),
      key: `${one.id}, ${condition}`,
      condition,
    })),
  );
}

function listOf(more: number): string[] {
  const { names, homophones, distractors } = hotwordLists();
  return [...names, ...[...homophones, ...distractors].slice(0, more)].slice(0, 1000);
}

async function transcribeWithSotto(
  { deps }: WhisperModel,
  samples: readonly Sample[],
  strengths: readonly number[],
  alsoPrompt: boolean,
  put: (way: string, key: string, result: ClipResult) => void,
): Promise<void> {
  const { model, tokenizer, mel } = deps;
  const caches = makeCaches(model);
  const filters = new LogitFilters(tokenizer, model.config, { timestamps: true });
  const ways = strengths.flatMap((strength) =>
    SIZES.map((more) => {
      const words = listOf(more);
      const way = `${words.length} words${strengths.length > 1 ? `, ${strength}` : ''}`;
      return { way, words, list: new Hotwords(words, tokenizer, strength) };
    }),
  );
  const [firstWay] = ways;
  const prompt = tokenizer.encode(` ${listOf(0).join(', ')}.`).slice(-223);
  for (const [i, { key, language, samples: audio }] of samples.entries()) {
    const windows = new AudioWindows(streamOf(audio).samples, mel);
    const span = (await windows.next(0, neverAborted)) ?? { start: 0, frames: 0 };
    const window = await encode(
      model,
      await windows.mel(span, WINDOW_FRAMES, 'zero', model.dtype),
      neverAborted,
    );
    const startSequence = tokenizer.startSequence(language, 'transcribe', true);
    const context = { model, tokenizer, caches, filters, startSequence, seed: 0 };
    const decodeWith = (list?: Hotwords, before: readonly number[] = []): Promise<ClipResult> =>
      decoded({ ...context, hotwords: list }, window, before);
    put(NONE, key, await decodeWith());
    for (const { way, list } of ways) put(way, key, await decodeWith(list));
    if (firstWay !== undefined && alsoPrompt) {
      put(`${firstWay.words.length} as a prompt`, key, await decodeWith(undefined, prompt));
      put(`${firstWay.words.length} as both`, key, await decodeWith(firstWay.list, prompt));
    }
    disposeWindow(window);
    await windows.dispose();
    if (process.stderr.isTTY || i % 20 === 19) process.stderr.write(`${i + 1}/${samples.length}\n`);
  }
  filters.dispose();
  for (const cache of caches) cache.dispose();
}

/** Transcribes with a model of any family, at its own strength. */
async function transcribeWhole(
  model: Recognizer,
  samples: readonly Sample[],
  put: (way: string, key: string, result: ClipResult) => void,
): Promise<void> {
  const lists = [[], ...SIZES.map(listOf)];
  for (const [i, { key, samples: audio }] of samples.entries()) {
    for (const words of lists) {
      const options = { ...plainOptions(model), ...(words.length > 0 && { hotwords: words }) };
      const { result } = await transcribe(model, streamOf(audio), options);
      const tokens = result.segments.reduce((sum, segment) => sum + (segment.tokens?.length ?? 0), 0);
      const { decode: seconds = 0 } = result.timings;
      put(words.length === 0 ? NONE : `${words.length} words`, key, {
        text: result.text.trim(),
        tokens,
        seconds,
      });
    }
    if (process.stderr.isTTY || i % 20 === 19) process.stderr.write(`${i + 1}/${samples.length}\n`);
  }
}

/** Runs all lists on each clip in turn, so that other load on the machine affects all of them. */
async function runSottoLive(
  model: Recognizer,
  samples: readonly Sample[],
  put: (way: string, key: string, result: ClipResult) => void,
): Promise<void> {
  const lists = [undefined, 0, 500].map((more) => (more === undefined ? [] : listOf(more)));
  const tokenizer = tokenizerOf(model);
  for (const words of lists) {
    console.log(`${words.length} words are prepared in ${readingMs(tokenizer, words).toFixed(1)} ms`);
  }
  for (const [i, { key, language, samples: audio }] of samples.entries()) {
    for (const words of lists) {
      const way = words.length === 0 ? NONE : `${words.length} words`;
      put(way, key, await transcribeLive(model, tokenizer, audio, language, words));
    }
    if (process.stderr.isTTY || i % 10 === 9) process.stderr.write(`${i + 1}/${samples.length}\n`);
  }
}

function tokenizerOf(model: Recognizer): WordTokenizer {
  if (model instanceof WhisperModel) return model.deps.tokenizer;
  if (model instanceof MoonshineModel) return model.deps.vocabulary;
  throw new Error(`${model.name} has no live hotwords`);
}

async function decoded(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
): Promise<ClipResult> {
  const run = decodeOnce(context, window, prompt, 0, neverAborted);
  let step = await run.next();
  while (step.done !== true) step = await run.next();
  return { text: step.value.text, tokens: step.value.tokens.length, seconds: step.value.seconds };
}

/** Runs faster-whisper, if test/bench/peers/setup.sh has set it up. */
function peer(samples: readonly Sample[], put: (way: string, key: string, result: ClipResult) => void): void {
  const reference = join(root, 'test/reference');
  const [python, weights] = [
    join(reference, '.venv-ct2/bin/python'),
    join(reference, '.weights-peers/base-ct2'),
  ];
  if (!existsSync(python) || !existsSync(weights)) {
    console.log('without faster-whisper: run test/bench/peers/setup.sh first');
    return;
  }
  const dir = join(root, 'test/bench/results/hotwords');
  mkdirSync(dir, { recursive: true });
  const clips = samples.map(({ key, language, samples: audio }, i) => {
    const file = join(dir, `${i}.f32`);
    writeFileSync(file, Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength));
    return { id: key, file, language };
  });
  const lists = Object.fromEntries(
    [undefined, 0, 100].map((more) => {
      const words = more === undefined ? [] : listOf(more);
      return [`faster-whisper, ${more === undefined ? NONE : `${words.length} words`}`, words];
    }),
  );
  const [input, out] = [join(dir, 'input.json'), join(dir, 'faster-whisper.jsonl')];
  writeFileSync(input, JSON.stringify({ clips, lists }));
  const run = spawnSync(python, [join(reference, 'transcribe-hotwords.py'), weights, input, out], {
    stdio: 'inherit',
  });
  if (run.status !== 0) throw new Error('transcribe-hotwords.py failed');
  for (const line of readFileSync(out, 'utf8').trim().split('\n')) {
    const { id, texts } = JSON.parse(line) as { id: string; texts: Record<string, string> };
    for (const [way, text] of Object.entries(texts)) put(way, id, { text });
  }
}
