/**
 * Sotto and its peers in one run: the same weights, samples and settings, in turn on every clip, each in a separate
 * process that is idle while another works. The best of `--repeat` times per clip counts; the order rotates. With `--defaults`,
 * Sotto and faster-whisper have the defaults of their programs instead of the same settings.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Clip, LONG_FORM, pickClips, root, TWELVE } from './clips.js';
import { ContenderProcess, type Info, type Lap, type Micro } from './contender-process.js';
import { choose, type Contender, contenders, contendersAtDefaults, THREADS } from './contenders.js';
import { Disturbance, rest, systemTicks } from './disturbance.js';
import { float16Model, samplesOf, starterModel } from './in-process.js';
import { chart, markdownReport, type SetFigures, type ContenderResult } from './offline-report.js';
import { commit, machine, median, saveResult, spread, sum } from './report.js';
import { missingScorer, scoreTexts, totalErrors, type WordErrors } from './score.js';

/** 4.9 s: for the time to the text of a sentence. */
const SENTENCE = 'libri-61-70968-0000';
/** 20 s of dense speech: for the cost of a token. */
const DENSE = 'libri-2609-156975-0007';

const resultsDir = join(root, 'test/bench/results');
const logOf = ({ name }: Contender) => join(resultsDir, 'log', `${name}.log`);

interface Sample {
  readonly clip: Clip;
  /** Raw float32 at 16 kHz, so that decoding of files is not timed. */
  readonly file: string;
  readonly language: string;
  readonly audioSeconds: number;
}

/** Measurements of a contender. */
interface Measured {
  readonly contender: Contender;
  readonly cold: number[];
  readonly laps: Map<string, Lap[]>;
  info: Info;
  micro: Micro | undefined;
  shortMegabytes: number;
  longMegabytes: number | undefined;
}

async function prepare(clips: readonly Clip[], work: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const clip of clips) {
    const data = await samplesOf(clip.file);
    const file = join(work, `${clip.id}.f32`);
    writeFileSync(file, data);
    samples.push({ clip, file, language: clip.language ?? 'en', audioSeconds: data.length / 16_000 });
  }
  return samples;
}

/** The running contenders. One that fails is reported and dropped; the others continue. */
class Round {
  readonly #running = new Map<ContenderProcess, Measured>();
  #turn = 0;
  readonly disturbance = new Disturbance();

  #waitBudgetMs: number;

  /** @param waitBudgetMs total time for waiting until other programs are idle */
  constructor(waitBudgetMs: number) {
    this.#waitBudgetMs = waitBudgetMs;
  }

  async add(contender: Contender, sentence: Sample, repeat: number): Promise<void> {
    try {
      const cold = await this.#coldStarts(contender, sentence, repeat);
      const child = ContenderProcess.start(contender, logOf(contender));
      this.#running.set(child, {
        contender,
        cold,
        laps: new Map(),
        info: await child.info(),
        micro: undefined,
        shortMegabytes: NaN,
        longMegabytes: undefined,
      });
      await child.transcribe(sentence.file, sentence.language); // warm
      await child.idle();
      console.error(`${contender.label}: cold ${Math.min(...cold).toFixed(2)} s`);
    } catch (error) {
      console.error(`skipped: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Times from the start of the process to the text of a sentence. The first run fills the page cache and does not count. */
  async #coldStarts(contender: Contender, { file, language }: Sample, repeat: number): Promise<number[]> {
    const starts: number[] = [];
    for (let i = 0; i <= repeat; i++) {
      this.#waitBudgetMs -= await rest(this.#waitBudgetMs);
      const child = ContenderProcess.start(contender, logOf(contender));
      try {
        const { secondsSinceStart } = await child.transcribe(file, language);
        if (i > 0) starts.push(secondsSinceStart);
      } finally {
        await child.stop();
      }
    }
    return starts;
  }

  get measured(): Measured[] {
    return [...this.#running.values()];
  }

  /** Runs `work` for each contender, one at a time, with a rotating order. */
  async each(work: (child: ContenderProcess, measured: Measured) => Promise<void>): Promise<void> {
    const all = [...this.#running];
    const first = this.#turn++ % Math.max(1, all.length);
    for (const [child, measured] of [...all.slice(first), ...all.slice(0, first)]) {
      this.#waitBudgetMs -= await rest(this.#waitBudgetMs);
      const [before, own] = [systemTicks(), child.cpuTicks() ?? 0];
      try {
        await work(child, measured);
        this.disturbance.add(before, systemTicks(), (child.cpuTicks() ?? own) - own);
        await child.idle();
      } catch (error) {
        console.error(`dropped: ${error instanceof Error ? error.message : String(error)}`);
        this.#running.delete(child);
        await child.stop();
      }
    }
  }

  async clip({ clip, file, language, audioSeconds }: Sample, repeat: number): Promise<void> {
    for (let i = 0; i < repeat; i++) {
      await this.each(async (child, { laps }) => {
        const lap = await child.transcribe(file, language);
        laps.set(clip.id, [...(laps.get(clip.id) ?? []), lap]);
      });
    }
    const times = this.measured.map(
      ({ contender, laps }) => `${contender.name} ${minSeconds(laps.get(clip.id)).toFixed(2)}`,
    );
    console.error(`${clip.id} (${audioSeconds.toFixed(1)} s): ${times.join(', ')}`);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((child) => child.stop()));
  }
}

const minSeconds = (laps: readonly Lap[] = []) => Math.min(...laps.map(({ seconds }) => seconds));

function setFigures(
  samples: readonly Sample[],
  laps: ReadonlyMap<string, readonly Lap[]>,
  scored: ReadonlyMap<string, WordErrors> | undefined,
): SetFigures {
  const ids = samples.map(({ clip }) => clip.id);
  const wordErrors = totalErrors(scored, ids);
  return {
    audioSeconds: sum(samples.map(({ audioSeconds }) => audioSeconds)),
    seconds: sum(ids.map((id) => minSeconds(laps.get(id)))),
    spread: median(ids.map((id) => spread((laps.get(id) ?? []).map(({ seconds }) => seconds)))),
    ...(wordErrors && { wordErrors }),
  };
}

/** Encoder seconds per window and ms per token, from the fastest lap of each clip. */
function insideFigures(samples: readonly Sample[], laps: ReadonlyMap<string, readonly Lap[]>) {
  const quickest = samples
    .map(({ clip }) => laps.get(clip.id)?.toSorted((a, b) => a.seconds - b.seconds)[0])
    .filter((lap) => lap?.inside !== undefined);
  if (quickest.length === 0) return undefined;
  const of = (pick: (lap: Lap) => number | undefined) => sum(quickest.map((lap) => (lap && pick(lap)) ?? 0));
  return {
    encodePerWindow: of(({ inside }) => inside?.encode) / of(({ inside }) => inside?.windows),
    msPerToken: (1000 * of(({ inside }) => inside?.decode)) / of(({ tokens }) => tokens ?? 0),
  };
}

function standing(
  { contender, cold, laps, info, micro, shortMegabytes, longMegabytes }: Measured,
  short: readonly Sample[],
  long: readonly Sample[],
  scored: ReadonlyMap<string, WordErrors> | undefined,
): ContenderResult {
  const inside = insideFigures(short, laps);
  const longInside = insideFigures(long, laps);
  return {
    name: contender.name,
    label: contender.label,
    isSotto: contender.isSotto,
    ...info,
    short: setFigures(short, laps, scored),
    long: long.length > 0 ? setFigures(long, laps, scored) : undefined,
    encodeSeconds: micro?.encodeSeconds,
    tokenMs: micro && 1000 * micro.tokenSeconds,
    warmSeconds: laps.has(SENTENCE) ? minSeconds(laps.get(SENTENCE)) : undefined,
    coldSeconds: cold.length > 0 ? Math.min(...cold) : undefined,
    shortMegabytes,
    longMegabytes,
    ...(inside && {
      inside: {
        ...inside,
        longEncodePerWindow: longInside?.encodePerWindow,
        longMsPerToken: longInside?.msPerToken,
      },
    }),
  };
}

function score(measured: readonly Measured[]): Map<string, Map<string, WordErrors>> {
  const missing = missingScorer();
  if (missing !== undefined) {
    console.error(`no word errors: ${missing}`);
    return new Map();
  }
  const texts = measured.map(
    ({ contender, laps }) =>
      [contender.name, new Map([...laps].map(([id, [lap]]) => [id, lap?.text ?? '']))] as const,
  );
  return scoreTexts(new Map(texts), join(resultsDir, 'offline'));
}

export async function offline(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string' },
      repeat: { type: 'string', default: '3' },
      'long-repeat': { type: 'string', default: '1' },
      'cold-repeat': { type: 'string', default: '3' },
      'max-wait': { type: 'string', default: '300' },
      only: { type: 'string' },
      'no-long': { type: 'boolean', default: false },
      'no-micro': { type: 'boolean', default: false },
      defaults: { type: 'boolean', default: false },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const starter = starterModel();
  const models = [
    { name: 'sotto', label: 'Sotto, float16', folder: args.model ?? float16Model() },
    { name: 'sotto-starter', label: `Sotto, ${basename(starter).replace('whisper-', '')}`, folder: starter },
  ];
  const textAlone = models.map((model) => ({
    ...model,
    name: `${model.name}-text`,
    label: `${model.label}, no timestamps`,
    textAlone: true,
  }));
  const all = (args.defaults ? contendersAtDefaults : contenders)([...models, ...textAlone]);
  const { ready, missing } = choose(all, args.only?.split(','));
  for (const { label, missing: what } of missing) console.error(`${label} is skipped: ${what}`);
  if (ready.length === 0) throw new Error('there is no contender to measure');

  const work = mkdtempSync(join(tmpdir(), 'sotto-bench-'));
  const round = new Round(1000 * Number(args['max-wait']));
  try {
    const short = await prepare(pickClips(TWELVE), work);
    const long = args['no-long'] ? [] : await prepare(pickClips([LONG_FORM]), work);
    const named = (id: string) => short.find(({ clip }) => clip.id === id) ?? short[0];
    const [sentence, dense] = [named(SENTENCE), named(DENSE)];
    if (sentence === undefined || dense === undefined) throw new Error('there are no clips');

    for (const contender of ready) await round.add(contender, sentence, Number(args['cold-repeat']));
    for (const sample of short) await round.clip(sample, Number(args.repeat));
    await round.each(async (child, measured) => {
      measured.shortMegabytes = await child.peakMegabytes();
      if (!args['no-micro']) measured.micro = await child.micro(dense.file, dense.language);
    });
    for (const sample of long) await round.clip(sample, Number(args['long-repeat']));
    if (long.length > 0) {
      await round.each(async (child, measured) => {
        measured.longMegabytes = await child.peakMegabytes();
      });
    }
    report(round, short, long, args);
  } finally {
    await round.stop();
    rmSync(work, { recursive: true });
  }
}

function report(
  { measured, disturbance }: Round,
  short: readonly Sample[],
  long: readonly Sample[],
  args: { repeat: string; 'long-repeat': string; defaults: boolean; 'save-baseline': boolean },
): void {
  const scored = score(measured);
  const order = (one: Measured) => (one.contender.isSotto ? 0 : 1);
  const standings = measured
    .toSorted((a, b) => order(a) - order(b))
    .map((one) => standing(one, short, long, scored.get(one.contender.name)));
  const { cpu, cores, memoryGb, os, node, date } = machine();
  const about = {
    commit: commit(),
    machine: `${cpu}, ${cores} cores, ${memoryGb} GB, ${os}, Node ${node}`,
    date,
    model: 'Whisper base (multilingual), one float16 source for all',
    disturbed: disturbance.share,
    settings: `${args.defaults ? 'defaults of each program, language given' : 'greedy, temperature 0, language given, timestamps, no previous text'}, ${THREADS} threads; best of ${args.repeat}, long form of ${args['long-repeat']}`,
  };
  const markdown = markdownReport(standings, about);
  console.log(markdown);
  const clips = Object.fromEntries(
    measured.map(({ contender, laps }) => [
      contender.name,
      Object.fromEntries(
        [...laps].map(([id, all]) => [
          id,
          { seconds: all.map(({ seconds }) => seconds), text: all[0]?.text },
        ]),
      ),
    ]),
  );
  const svg = chart(standings, about);
  saveResult(
    args.defaults ? 'offline-defaults' : 'offline',
    { about, standings, clips },
    args['save-baseline'],
    { md: markdown, svg },
  );
}
