/**
 * Streaming text: delay, rewrites, accuracy and cost, for several configurations of Sotto and for peers on the same
 * weights and clips.
 *
 *     npm run bench -- streaming [--model DIR] [--policies own,la,aa25,…] [--step 0.5,1] [--clips ID,…|all] [--no-peers]
 *
 *     npm run bench -- streaming --random nemotron [--bits 8] [--step 0.5] [--clips ID,…|all]
 *
 * `--random` takes a model of full size with random weights, whose cost alone means something.
 *
 * A model of any family that streams: only Whisper has policies besides its own. Word ends are those of the model, or of the
 * starter model for one without word timestamps.
 *
 * Audio is fed in steps as if it were spoken, in simulated time: an update starts when its audio is available and the
 * previous update is done, and lasts as long as it was measured to take.
 */
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readClips, root, setOf, TWELVE } from '../clips.js';
import { float16Model, load, samplesOf, starterModel, streamOf, transcribe } from '../in-process.js';
import { writeRandomNemotron } from '../random-nemotron.js';
import { markdownTable, printTable, saveResult, sum } from '../report.js';
import { scoreTexts, type WordErrors } from '../score.js';
import { canTimeWords, streamingConfigNamed, runSottoSession, type Spoken } from './sotto-session.js';
import { streamingChart } from './delay-chart.js';
import { PeerProcess, streamingPeers } from './streaming-peers.js';
import { quantile, type Session } from './session-figures.js';

const RANDOM_WEIGHTS = join(tmpdir(), 'sotto-nemotron');

/** A contender. */
interface Row {
  readonly name: string;
  readonly label: string;
  readonly isSotto: boolean;
  readonly sessions: Session[];
}

export async function streaming(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string' },
      random: { type: 'string' },
      bits: { type: 'string', default: '8' },
      policies: { type: 'string' },
      step: { type: 'string', default: '0.5,1' },
      clips: { type: 'string', default: TWELVE.join(',') },
      'no-peers': { type: 'boolean', default: false },
      name: { type: 'string' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const steps = args.step.split(',').map(Number);
  const isRandom = args.random !== undefined;
  if (isRandom && args.random !== 'nemotron') throw new Error(`no random weights of ${args.random}`);
  const dir = isRandom
    ? await writeRandomNemotron(RANDOM_WEIGHTS, '0.6b', args.bits === 'none' ? undefined : 8)
    : (args.model ?? float16Model() ?? starterModel());
  const name = args.name ?? (isRandom ? `streaming-${args.random}` : 'streaming');
  const model = await load(dir);
  const timed = canTimeWords(model) && !isRandom ? model : await load(starterModel());
  const languages = model.capabilities.transcribe?.languages ?? [];
  const ids = args.clips.split(',');
  const clips = readClips()
    .filter((clip) => ids.includes(clip.id) || (args.clips === 'all' && setOf(clip) !== 'unlabeled'))
    .filter(({ language }) => languages.includes(language ?? 'en'));
  const spoken: Spoken[] = [];
  const texts = new Map<string, Map<string, string>>([['offline', new Map()]]);
  for (const { id, file, language: named } of clips) {
    const samples = await samplesOf(file);
    const language = named ?? 'en';
    const { result: times } = await transcribe(timed, streamOf(samples), { language, wordTimestamps: true });
    const result =
      timed === model ? times : (await transcribe(model, streamOf(samples), { language })).result;
    const truth = times.segments.flatMap(({ words = [] }) =>
      words.map(({ word, end }) => [word, end] as const),
    );
    texts.get('offline')?.set(id, result.text);
    spoken.push({ clip: id, samples, language, truth });
  }

  const rows: Row[] = [];
  for (const stepSeconds of steps) {
    for (const policy of (args.policies ?? (isRandom ? 'own' : 'own,la,aa25')).split(',')) {
      const rowName = `${policy}-${stepSeconds}`;
      const label = `Sotto${policy === 'own' ? '' : `, ${policy}`}, ${stepSeconds} s`;
      const sessions: Session[] = [];
      const how = {
        config: streamingConfigNamed(policy),
        stepSeconds,
        refine: policy === 'own' && !isRandom,
      };
      for (const one of spoken) sessions.push(await runSottoSession(model, one, how));
      rows.push({ name: rowName, label, isSotto: policy === 'own', sessions });
    }
  }
  model.dispose();
  if (timed !== model) timed.dispose();
  const settings: Record<string, string> = {};
  for (const stepSeconds of args['no-peers'] || isRandom ? [] : steps) {
    for (const peer of streamingPeers(stepSeconds)) {
      if (peer.missing !== undefined) {
        console.error(`${peer.label} is skipped: ${peer.missing}`);
        continue;
      }
      const process = await PeerProcess.start(peer);
      const [peerName, label] = [`${peer.name}-${stepSeconds}`, `${peer.label}, ${stepSeconds} s`];
      settings[label] = process.settings;
      const sessions: Session[] = [];
      for (const one of spoken) sessions.push(await process.session(one));
      await process.stop();
      rows.push({ name: peerName, label, isSotto: false, sessions });
    }
  }
  if (isRandom) {
    reportCost(name, rows, { model: basename(dir), steps, clips: spoken.map(({ clip }) => clip) });
    return;
  }
  for (const { name, sessions } of rows) {
    texts.set(name, new Map(sessions.map(({ clip, text }) => [clip, text])));
    if (sessions.some(({ refined }) => refined))
      texts.set(
        `${name}-refined`,
        new Map(sessions.map(({ clip, refined, text }) => [clip, refined?.text ?? text])),
      );
  }
  const scores = scoreTexts(texts, join(root, 'test/bench/results', name));
  const wer = (name: string): number => errorRate(scores.get(name));
  const figures = rows.map((row) => ({
    ...figuresOf(row.sessions),
    name: row.name,
    label: row.label,
    wer: wer(row.name),
    refinedWer: scores.has(`${row.name}-refined`) ? wer(`${row.name}-refined`) : undefined,
  }));
  const table = figures.map(cells);
  console.log(`offline: ${wer('offline').toFixed(1)} % of ${wordsIn(scores.get('offline'))} word errors`);
  printTable(HEADER, table);
  const about = {
    model: basename(dir),
    steps,
    clips: spoken.map(({ clip }) => clip),
    peers: settings,
  };
  saveResult(name, { settings: about, offlineWer: wer('offline'), figures }, args['save-baseline'], {
    md: `${markdownTable(HEADER, table)}\n\nOffline, the same model: ${wer('offline').toFixed(1)} % word errors.\n`,
    svg: streamingChart(figures, spoken.length, wer('offline')),
  });
}

/** Of random weights: their words mean nothing. */
function reportCost(name: string, rows: readonly Row[], settings: object): void {
  const figures = rows.map(({ label, sessions }) => {
    const { final, compute, cpu } = figuresOf(sessions);
    const words = sum(sessions.map((one) => one.words)) / sum(sessions.map((one) => one.audioSeconds));
    return { label, final, compute, cpu, words };
  });
  printTable(
    ['', 'stop → text, ms p50 / p90', 'compute, s / s', 'CPU, s / s', 'random words, 1 / s'],
    figures.map(({ label, final: [median, p90], compute, cpu, words }) => {
      const pair = `${(1000 * median).toFixed(0)} / ${(1000 * p90).toFixed(0)}`;
      return [label, pair, compute.toFixed(3), cpu.toFixed(3), words.toFixed(1)];
    }),
  );
  saveResult(name, { settings, figures }, false);
}

const HEADER = [
  '',
  'WER, %',
  'refined WER, %',
  'first text, s p50 / p90',
  'committed after, s p50 / p90',
  'stop → text, ms p50 / p90',
  'stop → refined, ms',
  'rewrites per word',
  'compute, s / s',
  'CPU, s / s',
  'encoder frames / s',
];

type Figures = ReturnType<typeof figuresOf> & {
  readonly label: string;
  readonly wer: number;
  readonly refinedWer: number | undefined;
};

function cells({ label, wer, refinedWer, ...row }: Figures): string[] {
  const pair = ([median, p90]: readonly [number, number], digits: number, times = 1): string =>
    `${(times * median).toFixed(digits)} / ${(times * p90).toFixed(digits)}`;
  return [
    label,
    wer.toFixed(1),
    refinedWer?.toFixed(1) ?? '',
    pair(row.first, 2),
    pair(row.delay, 2),
    pair(row.final, 0, 1000),
    row.refined === undefined ? '' : pair(row.refined, 0, 1000),
    row.rewritten.toFixed(3),
    row.compute.toFixed(3),
    row.cpu.toFixed(3),
    row.encodedFrames?.toFixed(0) ?? '',
  ];
}

/** Aggregates sessions; pairs are the median and the 90th percentile. */
function figuresOf(sessions: readonly Session[]) {
  const both = (values: readonly number[]): readonly [number, number] => [
    quantile(values, 0.5),
    quantile(values, 0.9),
  ];
  const audio = sum(sessions.map(({ audioSeconds }) => audioSeconds));
  const known = <T>(values: readonly (T | undefined)[]): T[] => values.filter((value) => value !== undefined);
  const refined = known(sessions.map((one) => one.refined?.seconds));
  const frames = known(sessions.map((one) => one.encodedFrames));
  return {
    first: both(known(sessions.map(({ firstText }) => firstText))),
    delay: both(sessions.flatMap(({ delays }) => delays)),
    final: both(sessions.map(({ finalSeconds }) => finalSeconds)),
    refined: refined.length === 0 ? undefined : both(refined),
    rewritten: sum(sessions.map((one) => one.rewritten)) / sum(sessions.map(({ words }) => words)),
    compute: sum(sessions.map(({ computeSeconds }) => computeSeconds)) / audio,
    cpu: sum(sessions.map(({ cpuSeconds }) => cpuSeconds)) / audio,
    encodedFrames: frames.length === 0 ? undefined : sum(frames) / audio,
  };
}

function errorRate(scores: ReadonlyMap<string, WordErrors> | undefined): number {
  return (100 * sum([...(scores?.values() ?? [])].map(({ errors }) => errors))) / wordsIn(scores);
}

function wordsIn(scores: ReadonlyMap<string, WordErrors> | undefined): number {
  return sum([...(scores?.values() ?? [])].map(({ words }) => words));
}
