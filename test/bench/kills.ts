/**
 * Dictation while processes are killed at random moments, in real time: on a fake engine whose text shows every lost or
 * repeated sample, and on a real one, whose text must have the right number of words. Which of two likely words a real
 * model chooses depends on the timing of the audio, with and without kills, so differing words are counted for both.
 *
 *     npm run bench -- kills [--engine 200] [--daemon 200] [--real 20] [--real-daemon 0] [--model DIR]
 *         [--at-once 4] [--real-at-once 2] [--seed N]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '#test/harness/seeded-random.js';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import {
  flaw,
  RestartingDaemon,
  speak,
  speakRamp,
  type DictatedText,
} from '#test/harness/restarting-daemon.js';
import { pickClips } from './clips.js';
import { samplesOf, starterModel } from './in-process.js';
import { printTable, quantile, saveResult } from './report.js';

/** The engine is not restarted after the fifth crash in three minutes. */
const MAX_KILLS_PER_DAEMON = 4;
const SPEAKERS = 3;
const REAL_CLIPS = ['jfk-flac', 'libri-1995-1837-0001', 'libri-2414-128291-0004'];

interface KillCounts {
  kills: number;
  dictations: number;
  readonly flaws: string[];
  /** Milliseconds from a kill to the next word. */
  readonly resumedMs: number[];
  /** Words spoken to a real model, and word errors in its texts. */
  words: number;
  wrongWords: number;
}

function emptyCounts(): KillCounts {
  return { kills: 0, dictations: 0, flaws: [], resumedMs: [], words: 0, wrongWords: 0 };
}

export async function kills(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      engine: { type: 'string', default: '200' },
      daemon: { type: 'string', default: '200' },
      real: { type: 'string', default: '20' },
      'real-daemon': { type: 'string', default: '0' },
      model: { type: 'string', default: starterModel() },
      'at-once': { type: 'string', default: '4' },
      'real-at-once': { type: 'string', default: '2' },
      seed: { type: 'string', default: '1' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const random = seededRandom(Number(args.seed));
  const rows: string[][] = [];
  for (const victim of ['engine', 'daemon'] as const) {
    const wanted = Number(args[victim]);
    if (wanted === 0) continue;
    const counts = emptyCounts();
    const lives = Array.from({ length: Number(args['at-once']) }, async () => {
      while (counts.kills < wanted) await life(victim, wanted, counts, random);
    });
    await Promise.all(lives);
    rows.push(rowOf(`${victim}, fake engine`, counts));
  }
  for (const [victim, count] of [
    ['engine', args.real],
    ['daemon', args['real-daemon']],
  ] as const) {
    if (Number(count) === 0) continue;
    const counts = emptyCounts();
    const undisturbed = emptyCounts();
    const clips = await realClips();
    let homes = 0;
    const lives = Array.from({ length: Number(args['real-at-once']) }, async () => {
      while (counts.kills < Number(count)) {
        await realLife(victim, args.model, Number(count), {
          counts,
          undisturbed,
          clips,
          home: homes++,
          random,
        });
      }
    });
    await Promise.all(lives);
    rows.push(rowOf(`${victim}, real model`, counts), rowOf('none, real model', undisturbed));
  }
  printTable(
    [
      'killed',
      'times',
      'dictations',
      'with lost or repeated words, or failed',
      'word errors',
      'kill → next word, ms p50 / p95',
    ],
    rows,
  );
  saveResult('kills', { settings: { ...args, model: basename(args.model) }, rows }, args['save-baseline']);
}

function rowOf(
  victim: string,
  { flaws, kills, wrongWords, resumedMs, dictations, words }: KillCounts,
): string[] {
  for (const what of flaws) console.error(`${victim}: ${what}`);
  if (flaws.length > 0) process.exitCode = 1;
  const resumed = [0.5, 0.95].map((part) => quantile(resumedMs, part).toFixed(0));
  const others = words === 0 ? '–' : `${wrongWords} of ${words}`;
  const resumedText = resumedMs.length === 0 ? '–' : resumed.join(' / ');
  return [victim, String(kills), String(dictations), String(flaws.length), others, resumedText];
}

interface RealClip {
  readonly pcm: Int16Array;
  /** Its transcript. */
  readonly text: string;
}

async function realClips(): Promise<RealClip[]> {
  return Promise.all(
    pickClips(REAL_CLIPS).map(async ({ file, text }) => {
      const samples = await samplesOf(file);
      return { text, pcm: Int16Array.from(samples, (x) => Math.round(Math.max(-1, x) * 32_767)) };
    }),
  );
}

interface RealRun {
  readonly counts: KillCounts;
  readonly undisturbed: KillCounts;
  readonly clips: readonly RealClip[];
  /** Number of homes before this one. */
  readonly home: number;
  readonly random: () => number;
}

/** Real speech and a real model in a new home: the first dictation is undisturbed, a process is killed in each other one. */
async function realLife(
  victim: 'engine' | 'daemon',
  model: string,
  wanted: number,
  { counts, undisturbed, clips, home, random }: RealRun,
): Promise<void> {
  const daemon = new RestartingDaemon(model);
  const options = { language: 'en' };
  try {
    await daemon.ready();
    const first = clipOf(clips, home);
    addResult(undisturbed, first, await speak(daemon, first.pcm, { options }));
    for (let i = 0; i < MAX_KILLS_PER_DAEMON && counts.kills < wanted; i++) {
      await daemon.ready();
      const clip = clipOf(clips, counts.kills);
      counts.kills += 1;
      const speaking = speak(daemon, clip.pcm, { options });
      await sleep((clip.pcm.length / 16) * random());
      const atMs = performance.now();
      if (victim === 'daemon') daemon.killDaemon();
      else await daemon.killEngine();
      const result = await speaking;
      addResult(counts, clip, result);
      const next = nextWord(result, atMs);
      if (next !== undefined) counts.resumedMs.push(next);
    }
  } finally {
    await daemon.end();
  }
}

function clipOf(clips: readonly RealClip[], index: number): RealClip {
  const clip = clips[index % clips.length];
  if (clip === undefined) throw new Error('there are no clips');
  return clip;
}

function addResult(into: KillCounts, { text }: RealClip, result: DictatedText): void {
  const { errors, spoken: words } = errorsIn(text, result.text, 'en');
  into.dictations += 1;
  into.words += words;
  into.wrongWords += errors;
  const what = lossIn(text, result);
  if (what !== undefined) into.flaws.push(what);
}

/** Describes lost or repeated words, detected by the number of words; undefined if there are none. */
function lossIn(expected: string, { committed, error, text }: DictatedText): string | undefined {
  if (error !== undefined) return `failed: ${error}`;
  if (committed !== text) return `the committed text differs from the final text:\n  ${committed}\n  ${text}`;
  const [expectedWords, words] = [expected, text].map((one) => errorsIn(one, one, 'en').spoken);
  return words === expectedWords
    ? undefined
    : `${words} words instead of ${expectedWords}:\n  ${text}\n  ${expected}`;
}

/** Runs several kills in the home of one daemon. */
async function life(
  victim: 'engine' | 'daemon',
  wanted: number,
  counts: KillCounts,
  random: () => number,
): Promise<void> {
  const daemon = new RestartingDaemon();
  try {
    for (let i = 0; i < MAX_KILLS_PER_DAEMON && counts.kills < wanted; i++) {
      await daemon.ready();
      counts.kills += 1;
      const dictations = Array.from({ length: SPEAKERS }, () => speakRamp(daemon, 2.5 + 2 * random()));
      await sleep(200 + 2500 * random());
      const atMs = performance.now();
      if (victim === 'daemon') daemon.killDaemon();
      else await daemon.killEngine();
      const results = await Promise.all(dictations);
      counts.dictations += results.length;
      counts.flaws.push(...results.map(flaw).filter((what) => what !== undefined));
      counts.resumedMs.push(...results.map((one) => nextWord(one, atMs)).filter((ms) => ms !== undefined));
    }
  } finally {
    await daemon.end();
  }
}

function nextWord({ committedAtMs }: DictatedText, afterMs: number): number | undefined {
  const next = committedAtMs.find((ms) => ms > afterMs);
  return next === undefined ? undefined : next - afterMs;
}
