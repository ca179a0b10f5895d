import { expect, test } from '@jest/globals';
import { barChart } from './bar-chart.js';

/** Positions of the texts and bars of a chart. @param svg result of `barChart` */
function drawn(svg: string) {
  const texts = [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</g)].map(
    ([, x, y, content]) => ({
      x: Number(x),
      y: Number(y),
      content: content ?? '',
    }),
  );
  const bars = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g)].map(
    ([, x, , width]) => ({
      x: Number(x),
      right: Number(x) + Number(width),
    }),
  );
  return { texts, bars, width: Number(/width="(\d+)"/.exec(svg)?.[1]) };
}

/** Width of a 12 px character in px: common fonts are not narrower on average. */
const NARROW = 5.5;

test('no text overlaps its right neighbor, whatever the lengths of labels, titles and notes', () => {
  const label = 'whisper_streaming, faster-whisper int8, 0.5 s';
  const title = 'words that are written where none are spoken';
  const note = 'a note that is longer than the bars of a chart with one row are wide'.repeat(3);
  const rows = [
    { label, accent: false },
    { label: `${label}, and longer`, accent: true },
  ];
  const column = (name: string) => ({
    title: name,
    values: [1, 123456789.25],
    format: (x: number) => x.toFixed(2),
  });
  const svg = barChart({ title: 'Chart', rows, columns: [column(title), column('short')], notes: [note] });
  const { texts, bars, width } = drawn(svg);
  expect(bars).toHaveLength(4);
  const firstBar = Math.min(...bars.map(({ x }) => x));
  const endOf = (content: string): number => {
    const found = texts.find((one) => one.content === content);
    return (found?.x ?? NaN) + content.length * NARROW;
  };
  expect(endOf(`${label}, and longer`)).toBeLessThan(firstBar);
  const shortAt = texts.find(({ content }) => content === 'short')?.x ?? NaN;
  expect(endOf(title)).toBeLessThan(shortAt);
  // The number after the longest bar of the first column.
  expect(endOf('123456789.25')).toBeLessThan(shortAt);
  expect(endOf(note)).toBeLessThan(width);
});
