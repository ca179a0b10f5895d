/**
 * Text while somebody speaks: how late it comes, how often it changes, how right it is, and what it costs.
 *
 *     npm run bench -- streaming [--model DIR] [--policies la,aa25,mix25,both15] [--step 0.5] [--clips ID,…]
 *
 * The audio is given in steps as if it were spoken. The clock is that of the audio: an update begins when its audio is there
 * and the update before it is done, and lasts as long as it was measured to take; nobody waits for real.
 */
import { parseArgs } from 'node:util';
import {
  agreementAndAlignAtt,
  agreementThenAlignAtt,
  alignAtt,
  localAgreement,
  type CommitPolicy,
} from '#daemon/models/streaming/policy.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { LiveWhisper } from '#daemon/models/whisper/streaming/live-whisper.js';
import { type Clip, readClips, root, setOf, TWELVE } from './clips.js';
import { float16Model, samplesOf, starterModel, streamOf, transcribe } from './in-process.js';
import { printTable, saveResult, sum } from './report.js';
import { scoreTexts, type WordErrors } from './score.js';
import { join } from 'node:path';
import { matched, units } from './words.js';

const SAMPLE_RATE = 16_000;
const never = new AbortController().signal;

/** What a session gave, by the clock of the audio. */
interface Session {
  readonly text: string;
  /** Seconds from the end of each word until it was committed. */
  readonly delays: readonly number[];
  /** Seconds from the end of the first word until any text was there. */
  readonly firstText: number | undefined;
  /** Words shown as tentative that then changed. */
  readonly rewritten: number;
  readonly words: number;
  readonly computeSeconds: number;
  readonly audioSeconds: number;
  /** From the last sample to the last text. */
  readonly finalSeconds: number;
}

export async function streaming(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: float16Model() ?? starterModel() },
      policies: { type: 'string', default: 'la,aa15,aa25,mix25,both15' },
      step: { type: 'string', default: '0.5' },
      clips: { type: 'string', default: TWELVE.join(',') },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const model = await WhisperModel.load(args.model);
  const asked = args.clips.split(',');
  const clips = readClips().filter(
    (clip) => asked.includes(clip.id) || (args.clips === 'all' && setOf(clip) !== 'unlabelled'),
  );
  const texts = new Map<string, Map<string, string>>();
  const sessions = new Map<string, Session[]>();
  for (const clip of clips) {
    const samples = await samplesOf(clip.file);
    const language = clip.language ?? 'en';
    const { result } = await transcribe(model, streamOf(samples), { language, wordTimestamps: true });
    const truth = result.segments.flatMap(({ words = [] }) =>
      words.map(({ word, end }) => [word, end] as const),
    );
    note(texts, 'offline', clip, result.text);
    for (const name of args.policies.split(',')) {
      const session = await spoken(model, samples, language, policyOf(name), Number(args.step), truth);
      note(texts, name, clip, session.text);
      sessions.set(name, [...(sessions.get(name) ?? []), session]);
    }
  }
  model.dispose();
  const scores = scoreTexts(texts, join(root, 'test/bench/results/streaming'));
  const rows = [...sessions].map(([name, all]) => {
    const delays = all.flatMap((one) => one.delays);
    const first = all.flatMap(({ firstText }) => (firstText === undefined ? [] : [firstText]));
    const audio = sum(all.map((one) => one.audioSeconds));
    return [
      name,
      werOf(scores.get(name)),
      quantile(first, 0.5).toFixed(2),
      `${quantile(delays, 0.5).toFixed(2)} / ${quantile(delays, 0.9).toFixed(2)}`,
      `${(
        1000 *
        quantile(
          all.map((one) => one.finalSeconds),
          0.5,
        )
      ).toFixed(0)} / ${(
        1000 *
        quantile(
          all.map((one) => one.finalSeconds),
          0.9,
        )
      ).toFixed(0)}`,
      (sum(all.map((one) => one.rewritten)) / sum(all.map((one) => one.words))).toFixed(2),
      (sum(all.map((one) => one.computeSeconds)) / audio).toFixed(3),
    ];
  });
  printTable(
    [
      'policy',
      'WER',
      'first text, s',
      'committed after, s p50 / p90',
      'stop → final, ms p50 / p90',
      'rewritten a word',
      'compute s / s',
    ],
    [['offline', werOf(scores.get('offline')), '', '', '', '', ''], ...rows],
  );
  saveResult(
    'streaming',
    { settings: { model: args.model, step: args.step, clips: asked }, rows },
    args['save-baseline'],
  );
}

function policyOf(name: string): CommitPolicy {
  const frames = Number(name.replace(/^\D+/, ''));
  if (name === 'la') return localAgreement();
  if (name.startsWith('aa')) return alignAtt(frames);
  if (name.startsWith('mix')) return agreementThenAlignAtt(frames);
  if (name.startsWith('both')) return agreementAndAlignAtt(frames);
  throw new Error(`no policy is called ${name}`);
}

async function spoken(
  model: WhisperModel,
  samples: Float32Array,
  language: string,
  policy: CommitPolicy,
  stepSeconds: number,
  truth: readonly (readonly [word: string, end: number])[],
): Promise<Session> {
  const live = new LiveWhisper(model.parts, { language, manner: { policy } });
  const step = Math.round(stepSeconds * SAMPLE_RATE);
  const said: { word: string; at: number }[] = [];
  let clock = 0;
  let compute = 0;
  let firstAt: number | undefined;
  let shown: string[] = [];
  let rewritten = 0;
  const take = (words: readonly { word: string }[], tentative: string): void => {
    for (const { word } of words) said.push({ word, at: clock });
    if (firstAt === undefined && (words.length > 0 || tentative.trim() !== '')) firstAt = clock;
    const now = [...words.map(({ word }) => word.trim()), ...tentative.trim().split(/\s+/)].filter(
      (word) => word !== '',
    );
    rewritten += shown.filter((word, i) => now[i] !== undefined && now[i] !== word).length;
    shown = now.slice(words.length);
  };
  for (let at = 0; at < samples.length; at += step) {
    live.push(samples.subarray(at, at + step));
    const heard = Math.min(samples.length, at + step) / SAMPLE_RATE;
    const begin = performance.now();
    const { committed, tentative } = await live.update(never);
    const seconds = (performance.now() - begin) / 1000;
    compute += seconds;
    clock = Math.max(clock, heard) + seconds;
    take(committed, tentative);
  }
  const stopped = samples.length / SAMPLE_RATE;
  const begin = performance.now();
  const { committed } = await live.finish(never);
  const seconds = (performance.now() - begin) / 1000;
  clock = Math.max(clock, stopped) + seconds;
  take(committed, '');
  live.dispose();
  const wanted = units(truth, language);
  const got = units(
    said.map(({ word, at }) => [word, at] as const),
    language,
  );
  const delays: number[] = [];
  for (const [i, at] of matched(wanted, got)) delays.push(at - (wanted[i]?.[1] ?? NaN));
  const firstEnd = truth[0]?.[1];
  return {
    text: said.map(({ word }) => word).join(''),
    delays: delays.filter((delay) => !Number.isNaN(delay)),
    firstText: firstAt === undefined || firstEnd === undefined ? undefined : firstAt - firstEnd,
    rewritten,
    words: said.length,
    computeSeconds: compute + seconds,
    audioSeconds: stopped,
    finalSeconds: clock - stopped,
  };
}

function note(texts: Map<string, Map<string, string>>, name: string, clip: Clip, text: string): void {
  const of = texts.get(name) ?? new Map<string, string>();
  of.set(clip.id, text);
  texts.set(name, of);
}

function werOf(scores: ReadonlyMap<string, WordErrors> | undefined): string {
  const all = [...(scores?.values() ?? [])];
  return `${((100 * sum(all.map(({ errors }) => errors))) / sum(all.map(({ words }) => words))).toFixed(1)} %`;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}
