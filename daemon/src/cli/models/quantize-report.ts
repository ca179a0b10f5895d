/** Compares a quantized model with its source and draws a conclusion. */
import type { ModelMeasurement } from '../../protocol/model-process.js';
import { megabytes } from './describe-model.js';
import { modelTable } from './model-table.js';
import type { Style } from '../terminal/style.js';
import { errorsIn, percent, type Errors } from './word-errors.js';
import type { LabeledClip } from './labeled-clips.js';

/** A model with at most this share of additional errors counts as equivalent to its source. */
const EQUIVALENCE_TOLERANCE = 0.02;

export interface ModelFigures extends Errors {
  readonly name: string;
  /** Weight types, for display. */
  readonly weights: string;
  readonly bytes: number;
  readonly loadSeconds: number;
  /** Peak device memory, including weights. */
  readonly peakBytes: number;
  readonly tokensPerSecond: number;
  /** Seconds of audio per second. */
  readonly speed: number;
  readonly clips: readonly (Errors & { readonly file: string; readonly transcript: string })[];
}

export interface Comparison {
  readonly source: ModelFigures;
  readonly result: ModelFigures;
  /** Additional errors (negative: fewer), relative to the source; null if the source made none. */
  readonly relative: number | null;
  readonly isEquivalent: boolean;
  readonly conclusion: string;
}

export function figuresOf(
  model: { readonly name: string; readonly weights: string; readonly bytes: number },
  measurement: ModelMeasurement,
  references: readonly LabeledClip[],
): ModelFigures {
  const clips = references.map(({ file, text, language }, i) => {
    const transcript = measurement.transcripts[i] ?? '';
    return { file, transcript: transcript.trim(), ...errorsIn(text, transcript, language) };
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
    return `Equivalent to its source within ${percentOf(EQUIVALENCE_TOLERANCE)}: ${counted}${less}.`;
  }
  const by = relative === null ? '' : ` (${percentOf(relative)} more)`;
  // With so few errors one word decides.
  const isCoarse = source.errors * EQUIVALENCE_TOLERANCE < 1;
  const advice = isCoarse
    ? ` So few errors can't show ${percentOf(EQUIVALENCE_TOLERANCE)}: use more clips with --clips.`
    : '';
  return `Worse than its source by more than ${percentOf(EQUIVALENCE_TOLERANCE)}: ${counted}${by}.${advice}`;
}

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
      'peak memory',
      megabytes(source.peakBytes),
      megabytes(result.peakBytes),
      change(result.peakBytes, source.peakBytes),
    ],
    [
      'load time',
      seconds(source.loadSeconds),
      seconds(result.loadSeconds),
      change(result.loadSeconds, source.loadSeconds),
    ],
    [
      'tokens per second',
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
const percentOf = (part: number): string => `${Number((100 * part).toFixed(1))}%`;
const signed = (part: number): string => `${part < 0 ? '−' : '+'}${percentOf(Math.abs(part))}`;
