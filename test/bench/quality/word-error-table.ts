/** Table of word errors by kind of clip: sums, the best peer of each kind, confidence intervals of the differences. */
import { barChart } from '../bar-chart.js';
import { KINDS, NOT_SPEECH, type QualityClip } from './generated-clips.js';
import { DEFAULT, SOTTO_COLUMNS, PEERS } from './peer-transcripts.js';
import { seeded } from './sound-effects.js';
import { markdownTable, sum } from '../report.js';
import { totalErrors, type WordErrors } from '../score.js';

export type Clip = Pick<QualityClip, 'id' | 'kind'>;
/** Column → clip → errors. */
export type Scores = ReadonlyMap<string, ReadonlyMap<string, WordErrors>>;

interface KindRow {
  readonly kind: string;
  readonly clips: number;
  readonly words: number;
  /** Column → word errors and words, in the clips that every column has. */
  readonly errors: Readonly<Record<string, WordErrors>>;
  /** The peer column with the fewest errors, the first in a tie. */
  readonly bestPeer: string | undefined;
  /** Difference in errors per 100 words between Sotto's default and the best peer, with its 95 % confidence interval. */
  readonly over: { readonly points: number; readonly from: number; readonly to: number } | undefined;
}

const percent = ({ errors, words }: WordErrors): number => (100 * errors) / Math.max(1, words);
const isPeer = (column: string): boolean => PEERS.some(({ name }) => name === column);

/** A row for each kind with clips that every column has, and a total. */
export function kindRows(clips: readonly Clip[], scores: Scores): KindRow[] {
  const common = clips.filter(({ id }) => [...scores.values()].every((scored) => scored.has(id)));
  const order = (kind: string) => {
    const at = (KINDS as readonly string[]).indexOf(kind);
    return at < 0 ? KINDS.length : at;
  };
  const kinds = [...new Set(common.map(({ kind }) => kind))].sort((a, b) => order(a) - order(b));
  const groups = kinds.map((kind): [string, Clip[]] => [kind, common.filter((clip) => clip.kind === kind)]);
  return [...groups, ['all', common] as const].map(([kind, of]) => kindRow(kind, of, scores));
}

function kindRow(kind: string, clips: readonly Clip[], scores: Scores): KindRow {
  const ids = clips.map(({ id }) => id);
  const errors: Record<string, WordErrors> = {};
  for (const [column, scored] of scores) {
    errors[column] = totalErrors(scored, ids) ?? { errors: 0, words: 0 };
  }
  const peers = Object.keys(errors).filter(isPeer);
  const bestPeer = peers.reduce<string | undefined>(
    (best, column) =>
      best !== undefined && percent(errors[best]!) <= percent(errors[column]!) ? best : column,
    undefined,
  );
  const [sotto, peer] = [errors[DEFAULT], bestPeer === undefined ? undefined : errors[bestPeer]];
  const words = sotto?.words ?? Object.values(errors)[0]?.words ?? 0;
  const row = { kind, clips: clips.length, words, errors, bestPeer };
  if (sotto === undefined || peer === undefined || bestPeer === undefined) return { ...row, over: undefined };
  const pairs = ids.map((id) => [scores.get(DEFAULT)!.get(id)!, scores.get(bestPeer)!.get(id)!] as const);
  return { ...row, over: { points: percent(sotto) - percent(peer), ...bootstrap(pairs, kind) } };
}

const BOOTSTRAP_SAMPLES = 2000;

/** 95 % confidence interval of the difference in errors per 100 words, by bootstrap over the clips. */
export function bootstrap(
  pairs: readonly (readonly [WordErrors, WordErrors])[],
  seed: string,
): { from: number; to: number } {
  const random = seeded(seed);
  const differences = Array.from({ length: BOOTSTRAP_SAMPLES }, () => {
    const drawn = pairs.map(() => pairs[Math.floor(random() * pairs.length)]!);
    const side = (of: 0 | 1) =>
      percent({
        errors: sum(drawn.map((pair) => pair[of].errors)),
        words: sum(drawn.map((pair) => pair[of].words)),
      });
    return side(0) - side(1);
  }).sort((a, b) => a - b);
  return {
    from: differences[Math.floor(0.025 * BOOTSTRAP_SAMPLES)] ?? 0,
    to: differences[Math.floor(0.975 * BOOTSTRAP_SAMPLES)] ?? 0,
  };
}

/** Counts printed words of any kind: `[Music]` is one. */
export function wordsPrinted(text: string): number {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** Columns in table order: Sotto first. */
export function columnsOf(scores: ReadonlyMap<string, unknown>): string[] {
  return [...SOTTO_COLUMNS, ...PEERS].map(({ name }) => name).filter((name) => scores.has(name));
}

export function kindsTable(rows: readonly KindRow[], columns: readonly string[]): string {
  const cell = (row: KindRow, column: string): string => {
    const of = row.errors[column];
    if (of === undefined || of.words === 0) return '–';
    const best = Math.min(
      ...columns.map((name) => percent(row.errors[name] ?? { errors: Infinity, words: 1 })),
    );
    const text = `${percent(of).toFixed(1)} (${of.errors})`;
    return percent(of) === best ? `**${text}**` : text;
  };
  const signed = (value: number) => (value > 0 ? '+' : value < 0 ? '−' : '±') + Math.abs(value).toFixed(1);
  const over = ({ over: of, bestPeer, clips }: KindRow): string => {
    if (of === undefined || bestPeer === undefined) return '–';
    const range = clips > 1 ? ` (${signed(of.from)}…${signed(of.to)})` : '';
    return signed(of.points) + range;
  };
  return markdownTable(
    ['kind', 'clips', 'words', ...columns, 'default − best peer'],
    rows.map((row) => [
      row.kind,
      String(row.clips),
      String(row.words),
      ...columns.map((column) => cell(row, column)),
      over(row),
    ]),
  );
}

/** Printed words for sounds without speech: a row for each sound. */
export function silenceTable(
  clips: readonly Clip[],
  texts: ReadonlyMap<string, ReadonlyMap<string, string>>,
  columns: readonly string[],
): string {
  const rows = clips
    .filter(({ kind }) => kind === NOT_SPEECH)
    .map(({ id }) => [id, ...columns.map((column) => printed(texts.get(column)?.get(id)))]);
  return markdownTable(['sound', ...columns], rows);
}

function printed(text: string | undefined): string {
  return text === undefined ? '–' : String(wordsPrinted(text));
}

/** Notes on the kinds where Sotto's default makes more errors than the best peer, with the known reasons. */
export function notesOn(rows: readonly KindRow[], reasons: Readonly<Record<string, string>>): string[] {
  return rows
    .filter(({ kind, over }) => kind !== 'all' && over !== undefined && over.points > 0)
    .map(({ kind, bestPeer, errors }) => {
      const more = (errors[DEFAULT]?.errors ?? 0) - (errors[bestPeer ?? '']?.errors ?? 0);
      const what = `${more} more wrong than ${bestPeer}`;
      return `- **${kind}**: ${what}. ${reasons[kind] ?? 'The reason is unknown.'}`;
    });
}

/** Groups of the chart with their kinds. */
const CHART_GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ['read English', ['read English']],
  ['noise', ['noise 10 dB', 'noise 5 dB']],
  ['music', ['music 10 dB', 'music 5 dB']],
  ['reverb', ['reverb 0.5 s', 'reverb 0.9 s']],
  ['telephone', ['telephone']],
  ['long form', ['long form']],
  ['pause of 35 s', ['pause of 35 s']],
  ['other languages', ['German', 'Spanish', 'French', 'Japanese', 'Portuguese', 'Swedish']],
];

export function qualityChart(
  rows: readonly KindRow[],
  columns: readonly string[],
  invented: ReadonlyMap<string, number>,
  notes: readonly string[],
): string {
  const value = (kinds: readonly string[], column: string): number | undefined => {
    const of = rows.filter(({ kind }) => kinds.includes(kind)).map(({ errors }) => errors[column]);
    const known = of.filter((one) => one !== undefined);
    if (known.length === 0) return undefined;
    return percent({ errors: sum(known.map((x) => x.errors)), words: sum(known.map((x) => x.words)) });
  };
  return barChart({
    title: 'Word errors in %, by kind of clip, on the same weights (shorter is better)',
    rows: columns.map((label) => ({ label, accent: label === DEFAULT })),
    columns: [
      ...CHART_GROUPS.map(([title, kinds]) => ({
        title,
        values: columns.map((column) => value(kinds, column)),
        format: (x: number) => x.toFixed(1),
      })),
      {
        title: 'words without speech',
        values: columns.map((column) => invented.get(column)),
        format: (x: number) => x.toFixed(0),
      },
    ],
    notes,
  });
}
