/** Chart of live text: Sotto's default policy at each step, and its peers. The table has the other policies. */
import { barChart } from '../bar-chart.js';

interface StreamingFigures {
  /** The policy or peer and its step in seconds, such as `own-0.5`. */
  readonly name: string;
  readonly label: string;
  /** Word error rate in %. */
  readonly wer: number;
  /** Seconds: median and 90th percentile. */
  readonly first: readonly number[];
  readonly delay: readonly number[];
  readonly final: readonly number[];
  /** Compute seconds per second of audio. */
  readonly compute: number;
}

/** Policies other than the default one. */
const VARIANT = /^(la|aa\d+)-/;

const seconds = (value: number): string => value.toFixed(2);

/** @param offlineWer word error rate in % of the same model offline */
export function streamingChart(all: readonly StreamingFigures[], clips: number, offlineWer: number): string {
  const figures = all.filter(({ name }) => !VARIANT.test(name));
  const column = (title: string, value: (one: StreamingFigures) => number | undefined) => ({
    title,
    values: figures.map(value),
    format: seconds,
  });
  return barChart({
    title: 'Text while you speak: shorter is better',
    rows: figures.map(({ name, label }) => ({
      label,
      accent: name.startsWith('own-'),
    })),
    columns: [
      { ...column('WER, %', ({ wer }) => wer), format: (value) => value.toFixed(1) },
      column('word committed after, s', ({ delay }) => delay[0]),
      column('first text after, s', ({ first }) => first[0]),
      column('stop → text, s', ({ final }) => final[0]),
      column('compute, s per s of audio', ({ compute }) => compute),
    ],
    notes: [
      `${clips} clips, medians; all times include compute time.`,
      `Word error rate of the same model offline: ${offlineWer.toFixed(1)} %.`,
    ],
  });
}
