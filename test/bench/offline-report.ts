/** Report of the offline bench: table, goals and chart. */
import { barChart } from './bar-chart.js';
import { BASELINE_PEER } from './contenders.js';
import { markdownTable } from './report.js';
import type { WordErrors } from './score.js';

export interface SetFigures {
  readonly audioSeconds: number;
  /** Sum of the best wall time of each clip. */
  readonly seconds: number;
  /** Ratio of slowest to fastest time of a clip, median over the clips. */
  readonly spread: number;
  readonly wordErrors?: WordErrors;
}

/** Figures of a contender; undefined ones were not measured. */
export interface ContenderResult {
  readonly name: string;
  readonly label: string;
  readonly isSotto: boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: string;
  readonly short: SetFigures;
  readonly long: SetFigures | undefined;
  readonly encodeSeconds: number | undefined;
  readonly tokenMs: number | undefined;
  readonly warmSeconds: number | undefined;
  readonly coldSeconds: number | undefined;
  readonly shortMegabytes: number;
  readonly longMegabytes: number | undefined;
  /** Internal times of a transcription: seconds of encoder per window, ms of decoding per token. */
  readonly inside?: {
    readonly encodePerWindow: number;
    readonly msPerToken: number;
    readonly longEncodePerWindow: number | undefined;
    readonly longMsPerToken: number | undefined;
  };
}

interface Goal {
  readonly what: string;
  readonly reached: number;
  readonly limit: number;
  readonly unit: string;
}

/** Conditions of a measurement, one line each. */
export interface Circumstances {
  readonly commit: string;
  readonly machine: string;
  readonly date: string;
  readonly model: string;
  readonly settings: string;
  /** Share of the CPU that other programs used, 0 to 1. */
  readonly disturbed?: number | undefined;
}

const realTimeFactor = (set: SetFigures) => set.seconds / set.audioSeconds;
const percent = ({ errors, words }: WordErrors) => (100 * errors) / words;
const shown = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '–';

/** Time relative to the baseline peer; below 1 is faster. */
function ratio(one: SetFigures | undefined, baselinePeer: SetFigures | undefined): number | undefined {
  return one === undefined || baselinePeer === undefined ? undefined : one.seconds / baselinePeer.seconds;
}

function standingsTable(standings: readonly ContenderResult[]): string {
  const baselinePeer = standings.find(({ name }) => name === BASELINE_PEER);
  const header = [
    ...['', 'RTF, 12 clips', 'RTF, long', '× faster-whisper int8', 'encode 30 s, s', 'ms / token'],
    ...['warm 4.9 s clip, s', 'cold, s', 'peak MB, short / long', 'WER %, 12 clips', 'WER %, long', 'spread'],
  ];
  const rows = standings.map((one) => [
    one.isSotto ? `**${one.label}**` : one.label,
    shown(realTimeFactor(one.short), 3),
    shown(one.long && realTimeFactor(one.long), 3),
    `${shown(ratio(one.short, baselinePeer?.short), 2)} / ${shown(ratio(one.long, baselinePeer?.long), 2)}`,
    shown(one.encodeSeconds, 2),
    shown(one.tokenMs, 1),
    shown(one.warmSeconds, 2),
    shown(one.coldSeconds, 2),
    `${shown(one.shortMegabytes, 0)} / ${shown(one.longMegabytes, 0)}`,
    shown(one.short.wordErrors && percent(one.short.wordErrors), 1),
    shown(one.long?.wordErrors && percent(one.long.wordErrors), 1),
    shown(one.short.spread, 2),
  ]);
  return markdownTable(header, rows);
}

/** Goals of a Sotto model that can be evaluated with the available contenders. */
export function goals(one: ContenderResult, standings: readonly ContenderResult[]): Goal[] {
  const baselinePeer = standings.find(({ name }) => name === BASELINE_PEER);
  const quickestToken = Math.min(
    ...standings
      .filter(({ name }) => name.startsWith('whisper.cpp'))
      .map(({ tokenMs }) => tokenMs ?? Infinity),
  );
  const rows: (Omit<Goal, 'reached' | 'limit'> & {
    reached: number | undefined;
    limit: number | undefined;
  })[] = [
    {
      what: '12 clips, × faster-whisper int8',
      reached: ratio(one.short, baselinePeer?.short),
      limit: 0.8,
      unit: '',
    },
    {
      what: 'long form, × faster-whisper int8',
      reached: ratio(one.long, baselinePeer?.long),
      limit: 0.8,
      unit: '',
    },
    {
      what: 'encoder, vs. faster-whisper int8',
      reached: one.encodeSeconds,
      limit: baselinePeer?.encodeSeconds,
      unit: 's',
    },
    { what: 'token, vs. whisper.cpp q8_0', reached: one.tokenMs, limit: quickestToken, unit: 'ms' },
    { what: 'warm 4.9 s clip', reached: one.warmSeconds, limit: 0.35, unit: 's' },
    { what: 'cold, start to text', reached: one.coldSeconds, limit: 1.2, unit: 's' },
    { what: 'peak memory', reached: one.longMegabytes ?? one.shortMegabytes, limit: 350, unit: 'MB' },
  ];
  return rows.filter((row): row is Goal => row.reached !== undefined && Number.isFinite(row.limit ?? NaN));
}

function goalsTable(standings: readonly ContenderResult[]): string {
  const rows = standings
    .filter(({ isSotto }) => isSotto)
    .flatMap((one) =>
      goals(one, standings).map(({ what, reached, limit, unit }) => {
        const digits = unit === 'MB' ? 0 : unit === 'ms' ? 1 : 2;
        const result = reached <= limit ? 'reached' : `${(reached / limit).toFixed(2)} ×`;
        return [
          one.label,
          what,
          `${reached.toFixed(digits)} ${unit}`,
          `≤ ${limit.toFixed(digits)} ${unit}`,
          result,
        ];
      }),
    );
  return markdownTable(['', 'goal', 'measured', 'limit', ''], rows);
}

function insideTable(standings: readonly ContenderResult[]): string {
  const rows = standings.flatMap(({ label, inside }) =>
    inside === undefined
      ? []
      : [
          [
            label,
            shown(inside.encodePerWindow, 3),
            shown(inside.msPerToken, 1),
            shown(inside.longEncodePerWindow, 3),
            shown(inside.longMsPerToken, 1),
          ],
        ],
  );
  const header = [
    '',
    'encoder s / window, 12 clips',
    'decoding ms / token, 12 clips',
    'long: s / window',
    'long: ms / token',
  ];
  return markdownTable(header, rows);
}

const circumstances = ({ commit, machine, date, model, settings, disturbed }: Circumstances) => [
  `commit ${commit} · ${date} · ${machine}`,
  `${model} · ${settings}`,
  ...(disturbed === undefined ? [] : [`other programs used ${(100 * disturbed).toFixed(0)} % of the CPU`]),
];

/** Renders the report that is printed and saved. */
export function markdownReport(standings: readonly ContenderResult[], about: Circumstances): string {
  const versions = standings.map(({ label, versions, settings }) => {
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    return `- ${label}: ${named.join(', ')}. ${settings}`;
  });
  return (
    [
      '# Offline: Sotto and its peers',
      circumstances(about).join('  \n'),
      standingsTable(standings),
      ...(standings.some(({ isSotto }) => isSotto) ? [goalsTable(standings)] : []),
      ...(standings.some(({ inside }) => inside) ? ['Internal times of Sotto:', insideTable(standings)] : []),
      versions.join('\n'),
    ].join('\n\n') + '\n'
  );
}

/** Renders the chart: a bar for each contender and important figure. */
export function chart(standings: readonly ContenderResult[], about: Circumstances): string {
  const column = (title: string, digits: number, value: (one: ContenderResult) => number | undefined) => ({
    title,
    values: standings.map(value),
    format: (x: number) => x.toFixed(digits),
  });
  return barChart({
    title: 'Whisper base, offline: shorter is better',
    rows: standings.map(({ label, isSotto }) => ({ label, accent: isSotto })),
    columns: [
      column('RTF, 12 clips', 3, ({ short }) => realTimeFactor(short)),
      column('RTF, 6.8 minutes', 3, ({ long }) => long && realTimeFactor(long)),
      column('encode 30 s, s', 2, ({ encodeSeconds }) => encodeSeconds),
      column('ms per token', 1, ({ tokenMs }) => tokenMs),
      column('warm 4.9 s clip, s', 2, ({ warmSeconds }) => warmSeconds),
      column('cold start, s', 2, ({ coldSeconds }) => coldSeconds),
      column('peak memory, MB', 0, ({ longMegabytes, shortMegabytes }) => longMegabytes ?? shortMegabytes),
    ].filter(({ values }) => values.some((value) => value !== undefined)),
    notes: circumstances(about),
  });
}
