/** What quantizing did to a model: its figures beside those of its source, and a verdict in plain words. */
import type { ModelMeasurement } from '../../protocol/model-process.js';
import { megabytes } from './describe-model.js';
import { modelTable } from './model-table.js';
import type { Style } from '../terminal/style.js';
import { errorsIn, percent, type Errors } from './word-errors.js';
import type { LabelledClip } from './labelled-clips.js';

/** A model that makes at most this much more errors than its source, relative to them, is as good as it. */
const EQUIVALENCE_TOLERANCE = 0.02;

export interface ModelFigures extends Errors {
  readonly name: string;
  /** How its weights are stored. */
  readonly weights: string;
  readonly bytes: number;
  readonly loadSeconds: number;
  /** Of the device's memory, the weights included, at the peak of its work. */
  readonly peakBytes: number;
  readonly tokensPerSecond: number;
  /** Seconds of audio in a second. */
  readonly speed: number;
  readonly clips: readonly (Errors & { readonly file: string; readonly transcripts: string })[];
}

export interface Comparison {
  readonly source: ModelFigures;
  readonly result: ModelFigures;
  /** Errors more (or, below 0, fewer) than the source's, relative to them; null where the source made none. */
  readonly relative: number | null;
  readonly isEquivalent: boolean;
  readonly conclusion: string;
}

export function figuresOf(
  model: { readonly name: string; readonly weights: string; readonly bytes: number },
  measurement: ModelMeasurement,
  references: readonly LabelledClip[],
): ModelFigures {
  const clips = references.map(({ file, text, language }, i) => {
    const transcripts = measurement.transcripts[i] ?? '';
    return { file, transcripts: transcripts.trim(), ...errorsIn(text, transcripts, language) };
  });
  return {
    ...model,
    loadSeconds: measurement.loadSeconds,
    peakBytes: measurement.peakBytes,
    tokensPerSecond: measurement.tokens / measurement.decodeSeconds,
    speed: measurement.audioSeconds / measurement.workSeconds,
    errors: clips.reduce((sum, { errors }) => sum + errors, 0),
    spoken: clips.reduce((sum, { spoken }) => sum + spoken, 0),
    clips,
  };
}

export function compare(source: ModelFigures, result: ModelFigures): Comparison {
  const more = result.errors - source.errors;
  const relative = source.errors === 0 ? null : more / source.errors;
  const isEquivalent = more <= source.errors * EQUIVALENCE_TOLERANCE;
  return {
    source,
    result,
    relative,
    isEquivalent,
    conclusion: conclusionOf({ source, result, relative, isEquivalent, more }),
  };
}

function conclusionOf({
  source,
  result,
  relative,
  isEquivalent,
  more,
}: Omit<Comparison, 'conclusion'> & { more: number }): string {
  const counted = `${result.errors} of ${result.spoken} words wrong, ${source.name} ${source.errors}`;
  if (isEquivalent) {
    const less = more < 0 ? ', which is fewer' : '';
    return `As good as its source, within ${percentOf(EQUIVALENCE_TOLERANCE)}: ${counted}${less}.`;
  }
  const by = relative === null ? '' : ` (${percentOf(relative)} more)`;
  // With few errors one word decides.
  const isCoarse = source.errors * EQUIVALENCE_TOLERANCE < 1;
  const advice = isCoarse
    ? ` One word is more than ${percentOf(EQUIVALENCE_TOLERANCE)} of so few errors: give more clips with --clips for a firm figure.`
    : '';
  return `WORSE THAN ITS SOURCE by more than ${percentOf(EQUIVALENCE_TOLERANCE)}: ${counted}${by}.${advice}`;
}

/** A row for each figure; wide enough for two names. */
export function comparisonTable(
  { source, result, relative }: Comparison,
  columns: number | undefined,
  style: Style,
): string {
  const change = (after: number, before: number): string => signed(after / before - 1);
  const rows = [
    ['weights', source.weights, result.weights, ''],
    ['size', megabytes(source.bytes), megabytes(result.bytes), change(result.bytes, source.bytes)],
    [
      'memory at work',
      megabytes(source.peakBytes),
      megabytes(result.peakBytes),
      change(result.peakBytes, source.peakBytes),
    ],
    [
      'loads in',
      seconds(source.loadSeconds),
      seconds(result.loadSeconds),
      change(result.loadSeconds, source.loadSeconds),
    ],
    [
      'tokens a second',
      source.tokensPerSecond.toFixed(0),
      result.tokensPerSecond.toFixed(0),
      change(result.tokensPerSecond, source.tokensPerSecond),
    ],
    [
      'speed',
      `${source.speed.toFixed(1)} × real time`,
      `${result.speed.toFixed(1)} × real time`,
      change(result.speed, source.speed),
    ],
    ['words wrong', wrong(source), wrong(result), relative === null ? '' : signed(relative)],
  ];
  return modelTable(['', source.name, result.name, 'change'], rows, columns, style);
}

const wrong = (figures: ModelFigures): string =>
  `${figures.errors} of ${figures.spoken} (${percent(figures)})`;
const seconds = (value: number): string =>
  value < 1 ? `${(value * 1000).toFixed(0)} ms` : `${value.toFixed(1)} s`;
const percentOf = (part: number): string => `${Number((100 * part).toFixed(1))} %`;
const signed = (part: number): string => `${part < 0 ? '−' : '+'}${percentOf(Math.abs(part))}`;
