/** The published figures, each computed from a baseline, so that no document can differ. */
import { z } from 'zod';
import { markdownTable, readBaseline } from './report.js';

interface Figure {
  readonly bench: string;
  readonly what: string;
  /** @returns Sotto's value and the best peer's. @throws if the baseline has an unexpected form */
  readonly of: (baseline: unknown) => readonly [sotto: string, others: string];
}

const Errors = z.object({ errors: z.number(), words: z.number() });
const Timed = z.object({ audioSeconds: z.number(), seconds: z.number(), wordErrors: Errors });
const Offline = z.object({
  standings: z.array(
    z.object({
      name: z.string(),
      label: z.string(),
      isSotto: z.boolean(),
      short: Timed,
      long: Timed,
      warmSeconds: z.number(),
      coldSeconds: z.number(),
      longMegabytes: z.number(),
    }),
  ),
});
type ContenderResult = z.infer<typeof Offline>['standings'][number];

const percent = ({ errors, words }: z.infer<typeof Errors>): string =>
  `${((100 * errors) / words).toFixed(1)} %`;
const seconds = (value: number, digits = 2): string => `${value.toFixed(digits)} s`;

/** The bench uses whisper.cpp through pywhispercpp, with Python and NumPy, not its own program. */
const nameOf = ({ label }: ContenderResult): string =>
  label.replace('whisper.cpp', 'whisper.cpp (pywhispercpp)');

/** Formats both Sotto models and the best peer, the one with the smallest `by`. */
function offline(
  by: (standing: ContenderResult) => number,
  show: (standing: ContenderResult) => string,
): (baseline: unknown) => readonly [string, string] {
  return (baseline) => {
    const { standings } = Offline.parse(baseline);
    const sotto = ['sotto-starter', 'sotto'].map((name) => standings.find((one) => one.name === name));
    const [best] = standings.filter((one) => !one.isSotto).sort((a, b) => by(a) - by(b));
    if (best === undefined || sotto.includes(undefined)) throw new Error('offline.json lacks a row');
    const [starter = '', float16 = ''] = sotto.map((one) => (one === undefined ? '' : show(one)));
    return [`${starter}; float16 ${float16}`, `${nameOf(best)}: ${show(best)}`];
  };
}

/** The float16 model and the best peer, the one with the smallest `by`. */
function bestOffline(
  by: (standing: ContenderResult) => number,
  show: (standing: ContenderResult) => string,
): (baseline: unknown) => readonly [string, string] {
  return (baseline) => {
    const { standings } = Offline.parse(baseline);
    const own = standings.find(({ name }) => name === 'sotto');
    const [best] = standings.filter(({ isSotto }) => !isSotto).sort((a, b) => by(a) - by(b));
    if (own === undefined || best === undefined) throw new Error('offline.json lacks a row');
    return [show(own), `${nameOf(best)}: ${show(best)}`];
  };
}

const realTime = ({ audioSeconds, seconds, wordErrors }: z.infer<typeof Timed>): string =>
  `${(seconds / audioSeconds).toFixed(3)} (${percent(wordErrors)} wrong)`;

const Streaming = z.object({
  offlineWer: z.number(),
  figures: z.array(
    z.object({
      name: z.string(),
      wer: z.number(),
      refinedWer: z.number().optional(),
      delay: z.tuple([z.number(), z.number()]),
      final: z.tuple([z.number(), z.number()]),
      refined: z.tuple([z.number(), z.number()]).optional(),
    }),
  ),
});

function streaming(name: string, baseline: unknown): z.infer<typeof Streaming>['figures'][number] {
  const found = Streaming.parse(baseline).figures.find((one) => one.name === name);
  if (found === undefined) throw new Error(`streaming.json lacks ${name}`);
  return found;
}

const LongForm = z.object({
  figures: z.array(
    z.object({
      name: z.string(),
      clips: z.record(z.string(), z.object({ seconds: z.number(), wer: z.number() })),
    }),
  ),
});

function longForm(name: string, baseline: unknown): string {
  const clip = LongForm.parse(baseline).figures.find((one) => one.name === name)?.clips[
    'longform-libri-open'
  ];
  if (clip === undefined) throw new Error(`long-form.json lacks ${name}`);
  return `${clip.seconds.toFixed(1)} s (${clip.wer.toFixed(1)} % wrong)`;
}

const Hotwords = z.object({
  figures: z.array(
    z.object({ condition: z.string(), way: z.string(), expected: z.number(), written: z.number() }),
  ),
});

function written(way: string, baseline: unknown): string {
  const row = Hotwords.parse(baseline).figures.find((one) => one.condition === 'all' && one.way === way);
  if (row === undefined) throw new Error(`hotwords.json lacks ${way}`);
  return `${row.written} of ${row.expected}`;
}

const Memory = z.object({
  measured: z.array(
    z.object({
      model: z.string(),
      use: z.string(),
      predicted: z.object({ weightBytes: z.number(), work: z.record(z.string(), z.number()) }),
      weightBytes: z.number(),
      workBytes: z.number(),
    }),
  ),
});

const Mixed = z.array(Errors);
const Kills = z.object({ rows: z.array(z.array(z.string())) });

function killed(model: 'fake engine' | 'real model', baseline: unknown): string {
  const rows = Kills.parse(baseline).rows.filter(([name = '']) => name.endsWith(model));
  if (rows.length === 0) throw new Error(`kills.json has no row with a ${model}`);
  return rows
    .map(([name = '', times, dictations, flawed, others = '–']) => {
      const [victim] = name.split(',');
      const what = victim === 'none' ? 'undisturbed' : `${times} × ${victim}`;
      return `${what}: ${flawed} of ${dictations} flawed${others === '–' ? '' : `, ${others} words others`}`;
    })
    .join('; ');
}

const Rows = <T extends z.ZodType>(row: T) => z.object({ rows: z.array(row) });
const NONE = '';

export const FIGURES: readonly Figure[] = [
  {
    bench: 'offline',
    what: '6.8 minutes of read speech: compute time per second of audio (word errors)',
    of: offline(
      ({ long }) => long.seconds,
      ({ long }) => realTime(long),
    ),
  },
  {
    bench: 'offline',
    what: '12 short clips: compute time per second of audio (word errors)',
    of: offline(
      ({ short }) => short.seconds,
      ({ short }) => realTime(short),
    ),
  },
  {
    bench: 'offline',
    what: 'sentence of 4.9 s, model loaded: time to text',
    of: offline(
      ({ warmSeconds }) => warmSeconds,
      ({ warmSeconds }) => seconds(warmSeconds),
    ),
  },
  {
    bench: 'offline',
    what: 'the same, from the start of the process',
    of: offline(
      ({ coldSeconds }) => coldSeconds,
      ({ coldSeconds }) => seconds(coldSeconds),
    ),
  },
  {
    bench: 'offline',
    what: 'peak memory of the process, after the long file',
    of: offline(
      ({ longMegabytes }) => longMegabytes,
      ({ longMegabytes }) => `${longMegabytes.toFixed(0)} MB`,
    ),
  },
  {
    bench: 'streaming',
    what: 'dictation in steps of 0.5 s: time from the end of a word to its commit, p50 / p90',
    of: (baseline) => {
      const show = (name: string): string =>
        streaming(name, baseline)
          .delay.map((value) => value.toFixed(2))
          .join(' / ') + ' s';
      return [show('own-0.5'), `whisper_streaming: ${show('whisper_streaming-0.5')}`];
    },
  },
  {
    bench: 'streaming',
    what: 'the same: word errors while dictating, and in the final text',
    of: (baseline) => {
      const own = streaming('own-0.5', baseline);
      const peer = streaming('whisper_streaming-0.5', baseline);
      const slower = streaming('whisper_streaming-1', baseline);
      const { offlineWer } = Streaming.parse(baseline);
      return [
        `${own.wer.toFixed(1)} %, ${(own.refinedWer ?? NaN).toFixed(1)} % (offline ${offlineWer.toFixed(1)} %)`,
        `whisper_streaming: ${peer.wer.toFixed(1)} % (steps of 1 s: ${slower.wer.toFixed(1)} %)`,
      ];
    },
  },
  {
    bench: 'streaming',
    what: 'the same: time from the last word to the final text, p50',
    of: (baseline) => [
      seconds(streaming('own-0.5', baseline).refined?.[0] ?? NaN),
      `whisper_streaming: ${seconds(streaming('whisper_streaming-0.5', baseline).final[0])} (steps of 1 s: ${seconds(streaming('whisper_streaming-1', baseline).final[0])})`,
    ],
  },
  {
    bench: 'long-form',
    what: '6.8 minutes, batches of 8 windows, float16, no timestamps',
    of: (baseline) => [
      longForm('batched-text', baseline),
      `faster-whisper int8: ${longForm('faster-whisper-int8-8', baseline)}`,
    ],
  },
  {
    bench: 'hotwords',
    what: 'listed names recognized, with a list of 52 (float16)',
    of: (baseline) => [
      `${written('52 words', baseline)}; without a list ${written('no list', baseline)}`,
      `faster-whisper: ${written('faster-whisper, 52 words', baseline)}`,
    ],
  },
  {
    bench: 'languages',
    what: 'word errors in mixed-language audio, 12 sequences, float16',
    of: (baseline) => {
      const { mixed } = z.object({ mixed: z.record(z.string(), Mixed) }).parse(baseline);
      const all = (rows: z.infer<typeof Mixed> = []) => ({
        errors: rows.reduce((total, { errors }) => total + errors, 0),
        words: rows.reduce((total, { words }) => total + words, 0),
      });
      return [
        `${percent(all(mixed['Sotto, multilingual']))} with --multilingual; ${percent(all(mixed.Sotto))} without`,
        NONE,
      ];
    },
  },
  {
    bench: 'wer',
    what: 'word errors on the labeled clips, greedy',
    of: (baseline) => {
      const { rows } = Rows(Errors.extend({ model: z.string(), clips: z.number() })).parse(baseline);
      return [rows.map((row) => `${row.model} ${percent(row)} of ${row.words}`).join('; '), NONE];
    },
  },
  {
    bench: 'words',
    what: 'start times of words, mean error',
    of: (baseline) => {
      const Table = z.object({ table: z.array(z.object({ name: z.string(), meanMs: z.number() })) });
      const [own, ...peers] = Table.parse(baseline).table;
      const [best] = peers.sort((a, b) => a.meanMs - b.meanMs);
      const show = (ms = NaN): string => `${ms.toFixed(0)} ms`;
      return [show(own?.meanMs), best === undefined ? NONE : `${best.name}: ${show(best.meanMs)}`];
    },
  },
  {
    bench: 'memory',
    what: 'memory for weights and work, predicted from the file headers: largest difference from MLX’s own count',
    of: (baseline) => {
      const off = Memory.parse(baseline).measured.map(({ predicted, use, weightBytes, workBytes }) => {
        const measured = weightBytes + workBytes;
        return Math.abs(predicted.weightBytes + (predicted.work[use] ?? NaN) - measured) / measured;
      });
      return [`${(100 * Math.max(...off)).toFixed(1)} % (the process itself needs more)`, NONE];
    },
  },
  {
    bench: 'memory-length',
    what: 'peak memory of the engine process: hours of silence; minutes of speech',
    of: (baseline) => {
      const Row = z.object({ input: z.string(), peakRssBytes: z.number() });
      const { measured } = z.object({ measured: z.array(Row) }).parse(baseline);
      const show = (kind: string): string => {
        const rows = measured.flatMap(({ input, peakRssBytes }) => {
          const [name, length] = input.split(', ');
          return name === kind ? [`${length} ${(peakRssBytes / 1e6).toFixed(0)} MB`] : [];
        });
        return `${kind} ${rows.join(', ')}`;
      };
      return [`${show('silence')}; ${show('speech')}`, NONE];
    },
  },
  {
    bench: 'capture',
    what: 'Raycast stand-in: time from the hotkey to the first sample / first word',
    of: (baseline) => {
      const Row = z.object({ name: z.string(), sampleMs: z.number(), wordMs: z.number() });
      const { rows } = Rows(Row).parse(baseline);
      const show = ({ name, sampleMs, wordMs }: z.infer<typeof Row>): string =>
        `${name} ${seconds(sampleMs / 1000)} / ${seconds(wordMs / 1000, 1)}`;
      return [rows.map(show).join('; '), NONE];
    },
  },
  {
    bench: 'cold',
    what: '`sotto transcribe` of 11 s: time from start to text',
    of: (baseline) => {
      const { rows } = Rows(z.object({ name: z.string(), first: z.number() })).parse(baseline);
      const of = (name: string): string => seconds(rows.find((row) => row.name === name)?.first ?? NaN);
      return [`${of('daemon warm')} with a daemon; ${of('no daemon')} without`, NONE];
    },
  },
  {
    bench: 'restart',
    what: 'daemon: time from start to first answer / to a loaded model',
    of: (baseline) => {
      const { rows } = Rows(z.object({ acceptingMs: z.number(), warmMs: z.number() })).parse(baseline);
      const of = (key: 'acceptingMs' | 'warmMs'): string =>
        seconds(Math.max(...rows.map((row) => row[key])) / 1000);
      return [`${of('acceptingMs')} / ${of('warmMs')}`, NONE];
    },
  },
  {
    bench: 'overhead',
    what: 'overhead of the daemon over a single process, median request',
    of: (baseline) => {
      const { addedMs, percent: share } = z
        .object({ addedMs: z.number(), percent: z.number() })
        .parse(baseline);
      return [`${addedMs.toFixed(0)} ms (${share.toFixed(0)} %)`, NONE];
    },
  },
  {
    bench: 'api',
    what: 'overhead of the OpenAI API over the daemon’s own protocol, 16 files',
    of: (baseline) => {
      const { overhead } = z
        .object({ overhead: z.object({ mediansMs: z.array(z.array(z.number())) }) })
        .parse(baseline);
      const [, own = [], api = []] = overhead.mediansMs;
      const added = own.map((ms, at) => (api[at] ?? NaN) - ms);
      const [min, max] = [Math.min(...added), Math.max(...added)].map((ms) => ms.toFixed(0));
      return [`${min} to ${max} ms a file: within the noise`, NONE];
    },
  },
  {
    bench: 'idle',
    what: 'CPU use when idle, daemon and engine',
    of: (baseline) => {
      const { rows } = Rows(z.object({ name: z.string(), percent: z.number() })).parse(baseline);
      return [rows.map(({ name, percent: share }) => `${name} ${share.toFixed(2)} %`).join('; '), NONE];
    },
  },
  {
    bench: 'kills',
    what: 'processes killed during dictation, fake engine (checksums as words)',
    of: (baseline) => [killed('fake engine', baseline), NONE],
  },
  {
    bench: 'kills',
    what: 'processes killed during dictation, real model',
    of: (baseline) => [killed('real model', baseline), NONE],
  },
  {
    bench: 'batch',
    what: 'folder while command, daemon and engine are killed, fake engine',
    of: (baseline) => {
      const { files, done, failed, kills } = z
        .object({
          files: z.number(),
          done: z.number(),
          failed: z.number(),
          kills: z.record(z.string(), z.number()),
        })
        .parse(baseline);
      const all = Object.values(kills).reduce((total, count) => total + count, 0);
      return [`${files} files, ${all} kills: ${done} done once, ${failed} broken ones reported`, NONE];
    },
  },
  {
    bench: 'worker',
    what: 'queue while workers and the queue are killed, fake engine',
    of: (baseline) => {
      const {
        settings,
        killed: victims,
        placed,
        aside,
        flaws,
      } = z
        .object({
          settings: z.object({ files: z.string() }),
          killed: z.array(z.string()),
          placed: z.number(),
          aside: z.number(),
          flaws: z.array(z.unknown()),
        })
        .parse(baseline);
      const flawed = flaws.length === 0 ? '' : `, ${flaws.length} flaws`;
      return [
        `${settings.files} files, ${victims.length} kills: ${placed} placed once, ${aside} put aside${flawed}`,
        NONE,
      ];
    },
  },
];

/** The rows of the README: one number for Sotto and one for the best other program, on weights from one float16 source. */
export const FRONT_FIGURES: readonly Figure[] = [
  {
    bench: 'offline',
    what: 'speed on a file of 6.8 minutes',
    of: bestOffline(
      ({ long }) => long.seconds,
      ({ long }) => `${(long.audioSeconds / long.seconds).toFixed(0)}× real time`,
    ),
  },
  {
    bench: 'offline',
    what: 'text of a 4.9 s sentence, model loaded',
    of: bestOffline(
      ({ warmSeconds }) => warmSeconds,
      ({ warmSeconds }) => seconds(warmSeconds),
    ),
  },
  {
    bench: 'offline',
    what: 'peak memory on the long file',
    of: bestOffline(
      ({ longMegabytes }) => longMegabytes,
      ({ longMegabytes }) => `${longMegabytes.toFixed(0)} MB`,
    ),
  },
  {
    bench: 'streaming',
    what: 'dictation: a spoken word is final after',
    of: (baseline) => [
      seconds(streaming('own-0.5', baseline).delay[0]),
      `whisper_streaming: ${seconds(streaming('whisper_streaming-0.5', baseline).delay[0])}`,
    ],
  },
  {
    bench: 'streaming',
    what: 'dictation: last word to final text',
    of: (baseline) => [
      seconds(streaming('own-0.5', baseline).refined?.[0] ?? NaN),
      `whisper_streaming: ${seconds(streaming('whisper_streaming-0.5', baseline).final[0])}`,
    ],
  },
];

const Kept = z.object({
  commit: z.string(),
  clean: z.literal(true),
  machine: z.object({ date: z.string().optional() }),
});

/** Figures of benches with a baseline of a commit; others have no row. */
export function figureRows(figures: readonly Figure[]): string[][] {
  return figures.flatMap(({ bench, of, what }) => {
    const baseline = readBaseline(bench);
    const kept = Kept.safeParse(baseline);
    if (!kept.success) return [];
    const [sotto, others] = of(baseline);
    return [[what, sotto, others, `\`${bench}\`, ${kept.data.commit}`]];
  });
}

export function figureTable(): string {
  return markdownTable(['', 'Sotto', 'best peer', 'bench, commit'], figureRows(FIGURES));
}

/** The README's table, without bench and commit. */
export function frontTable(): string {
  const rows = figureRows(FRONT_FIGURES).map(([what = '', sotto = '', others = '']) => [what, sotto, others]);
  return markdownTable(['', 'Sotto', 'best other'], rows);
}

/** Benches of the table without a baseline of a commit. */
export function benchesWithout(): string[] {
  const without = FIGURES.filter(({ bench }) => !Kept.safeParse(readBaseline(bench)).success);
  return [...new Set(without.map(({ bench }) => bench))];
}
