/**
 * Dictation while processes die: each kill comes at a random moment of takes that are spoken in real time, on an engine
 * whose text shows any sample that is lost or comes twice; and on a real one, whose text must be what it is undisturbed.
 *
 *     npm run bench -- kills [--engine 200] [--daemon 200] [--real 20] [--real-daemon 0] [--model DIR] [--at-once 4] [--seed N]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { randomOf } from '#test/harness/random-of.js';
import { flaw, flawBeside, KeptAlive, speak, speakRamp, type Spoken } from '#test/harness/under-fire.js';
import { pickClips } from './clips.js';
import { samplesOf, starterModel } from './in-process.js';
import { printTable, quantile, saveResult } from './report.js';

/** The engine is not started again after the fifth death in three minutes. */
const KILLS_A_LIFE = 4;
const SPEAKERS = 3;
const REAL_CLIPS = ['jfk-flac', 'libri-1995-1837-0001', 'libri-2414-128291-0004'];

interface Tally {
  kills: number;
  takes: number;
  readonly flaws: string[];
  /** From a kill to the next word. */
  readonly resumedMs: number[];
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
      seed: { type: 'string', default: '1' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const random = randomOf(Number(args.seed));
  const rows: string[][] = [];
  for (const victim of ['engine', 'daemon'] as const) {
    const wanted = Number(args[victim]);
    if (wanted === 0) continue;
    const tally: Tally = { kills: 0, takes: 0, flaws: [], resumedMs: [] };
    const lives = Array.from({ length: Number(args['at-once']) }, async () => {
      while (tally.kills < wanted) await life(victim, wanted, tally, random);
    });
    await Promise.all(lives);
    rows.push(rowOf(`${victim}, fake engine`, tally));
  }
  for (const [victim, count] of [
    ['engine', args.real],
    ['daemon', args['real-daemon']],
  ] as const) {
    if (Number(count) === 0) continue;
    const tally: Tally = { kills: 0, takes: 0, flaws: [], resumedMs: [] };
    await realLives(victim, args.model, Number(count), tally, random);
    rows.push(rowOf(`${victim}, real model`, tally));
  }
  printTable(['killed', 'times', 'takes', 'takes with a flaw', 'kill → next word, ms p50 / p95'], rows);
  saveResult('kills', { settings: { ...args, model: basename(args.model) }, rows }, args['save-baseline']);
}

function rowOf(victim: string, { flaws, kills, resumedMs, takes }: Tally): string[] {
  for (const what of flaws) console.error(`${victim}: ${what}`);
  if (flaws.length > 0) process.exitCode = 1;
  const resumed = [0.5, 0.95].map((part) => quantile(resumedMs, part).toFixed(0));
  return [victim, String(kills), String(takes), String(flaws.length), resumed.join(' / ')];
}

/** Real speech and a real model: some say it undisturbed, then others while the engine dies. */
async function realLives(
  victim: 'engine' | 'daemon',
  model: string,
  wanted: number,
  tally: Tally,
  random: () => number,
): Promise<void> {
  const clips = pickClips(REAL_CLIPS);
  const spoken = await Promise.all(clips.map(({ file }) => samplesOf(file)));
  const takes = spoken.map((samples) =>
    Int16Array.from(samples, (x) => Math.round(Math.max(-1, x) * 32_767)),
  );
  const undisturbed: string[] = [];
  while (tally.kills < wanted) {
    const daemon = new KeptAlive(model);
    try {
      for (let i = 0; i < KILLS_A_LIFE && tally.kills < wanted; i++) {
        await daemon.ready();
        const which = tally.takes % takes.length;
        const pcm = takes[which] ?? new Int16Array();
        const options = { language: 'en' };
        undisturbed[which] ??= (await speak(daemon, pcm, { options })).text;
        tally.kills += 1;
        const speaking = speak(daemon, pcm, { options });
        await sleep((pcm.length / 16) * random());
        const atMs = performance.now();
        if (victim === 'daemon') daemon.killDaemon();
        else await daemon.killEngine();
        const said = await speaking;
        tally.takes += 1;
        const what = flawBeside(undisturbed[which] ?? '', said);
        if (what !== undefined) tally.flaws.push(what);
        const next = nextWord(said, atMs);
        if (next !== undefined) tally.resumedMs.push(next);
      }
    } finally {
      await daemon.end();
    }
  }
}

/** One daemon's home, and some kills in it. */
async function life(
  victim: 'engine' | 'daemon',
  wanted: number,
  tally: Tally,
  random: () => number,
): Promise<void> {
  const daemon = new KeptAlive();
  try {
    for (let i = 0; i < KILLS_A_LIFE && tally.kills < wanted; i++) {
      await daemon.ready();
      tally.kills += 1;
      const takes = Array.from({ length: SPEAKERS }, () => speakRamp(daemon, 2.5 + 2 * random()));
      await sleep(200 + 2500 * random());
      const atMs = performance.now();
      if (victim === 'daemon') daemon.killDaemon();
      else await daemon.killEngine();
      const said = await Promise.all(takes);
      tally.takes += said.length;
      tally.flaws.push(...said.map(flaw).filter((what) => what !== undefined));
      tally.resumedMs.push(...said.map((one) => nextWord(one, atMs)).filter((ms) => ms !== undefined));
    }
  } finally {
    await daemon.end();
  }
}

function nextWord({ committedAtMs }: Spoken, afterMs: number): number | undefined {
  const next = committedAtMs.find((ms) => ms > afterMs);
  return next === undefined ? undefined : next - afterMs;
}
