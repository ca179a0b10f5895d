/** The picture of live text: Sotto's default policy at each step, beside its peers. Its other policies are in the table. */
import { barChart } from './bar-chart.js';

interface StreamingFigures {
  /** `own-0.5`: the policy or the peer, and its step in seconds. */
  readonly name: string;
  readonly label: string;
  /** Wrong words in 100. */
  readonly wer: number;
  /** Seconds: median and 90 % quantile. */
  readonly first: readonly number[];
  readonly delay: readonly number[];
  readonly final: readonly number[];
  /** Seconds of computing in a second of audio. */
  readonly compute: number;
}

/** Policies that are tried beside the default one. */
const VARIANT = /^(la|aa\d+)-/;

const seconds = (value: number): string => value.toFixed(2);

/** @param offlineWer wrong words in 100 of the same model, with the whole file at hand */
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
      label: label.replace(/^ours, /, 'Sotto, '),
      accent: name.startsWith('own-'),
    })),
    columns: [
      { ...column('wrong words, %', ({ wer }) => wer), format: (value) => value.toFixed(1) },
      column('word final after, s', ({ delay }) => delay[0]),
      column('first text after, s', ({ first }) => first[0]),
      column('stop → text, s', ({ final }) => final[0]),
      column('compute, s per s of audio', ({ compute }) => compute),
    ],
    notes: [
      `${clips} clips, medians; all of them include the time that computing takes.`,
      `With the whole file at hand the same model has ${offlineWer.toFixed(1)} % of words wrong.`,
    ],
  });
}
