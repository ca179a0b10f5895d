/** Bar charts as SVG: a row for each contender, a column for each figure. Readable in light and dark mode. */

import stringWidth from 'string-width';

export interface Column {
  readonly title: string;
  /** One value per row; undefined shows a dash. */
  readonly values: readonly (number | undefined)[];
  readonly format: (value: number) => string;
}

export interface Chart {
  readonly title: string;
  readonly rows: readonly { readonly label: string; readonly accent: boolean }[];
  readonly columns: readonly Column[];
  /** Lines of small print below the bars. */
  readonly notes: readonly string[];
}

const MARGIN = 24;
const MIN_LABEL_WIDTH = 200;
const MIN_COLUMN_WIDTH = 150;
const BAR_WIDTH = 86;
const GAP = 16;
/** px per character: DejaVu Sans, the font on Linux, is the widest of the fonts below. */
const CHARACTER_WIDTH = { usual: 7.2, bold: 8.2 };
const ROW_HEIGHT = 24;
const BAR_HEIGHT = 13;
const TITLE_HEIGHT = 40;
const HEADER_HEIGHT = 28;
const NOTE_HEIGHT = 17;

const STYLE = `
  .page { fill: #ffffff; } text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; } .quiet { fill: #59636e; } .small { font-size: 11px; }
  .bar { fill: #a5b1bf; } .accent { fill: #1f6feb; } .bold { font-weight: 600; } .line { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; } text { fill: #e6edf3; } .quiet { fill: #9198a1; }
    .bar { fill: #57606a; } .accent { fill: #58a6ff; } .line { stroke: #30363d; }
  }`;

const escape = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

function text(x: number, y: number, content: string, kind = ''): string {
  const attribute = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${x}" y="${y}"${attribute}>${escape(content)}</text>`;
}

const widthOf = (content: string, isBold = false): number =>
  Math.ceil(stringWidth(content) * CHARACTER_WIDTH[isBold ? 'bold' : 'usual']);

/** Width of the title, or of the longest bar with its number. */
function widthOfColumn({ title, values, format }: Column): number {
  const numbers = values.flatMap((value) => (value === undefined ? [] : [widthOf(format(value), true)]));
  return Math.max(MIN_COLUMN_WIDTH, widthOf(title) + GAP, BAR_WIDTH + 5 + Math.max(0, ...numbers) + GAP);
}

/** Bars start at zero and share a scale within their column. */
export function barChart({ title, rows, columns, notes }: Chart): string {
  const labelWidth = Math.max(
    MIN_LABEL_WIDTH,
    ...rows.map(({ label, accent }) => widthOf(label, accent) + GAP),
  );
  const starts: number[] = [];
  let right = MARGIN + labelWidth;
  for (const column of columns) {
    starts.push(right);
    right += widthOfColumn(column);
  }
  const width = Math.max(right, MARGIN + Math.max(0, ...notes.map((note) => widthOf(note)))) + MARGIN;
  const top = MARGIN + TITLE_HEIGHT + HEADER_HEIGHT;
  const bottom = top + rows.length * ROW_HEIGHT;
  const height = bottom + 20 + notes.length * NOTE_HEIGHT + MARGIN / 2;
  const baseline = (row: number) => top + row * ROW_HEIGHT + 16;

  const parts = [
    text(MARGIN, MARGIN + 14, title, 'title'),
    ...rows.map(({ label, accent }, row) => text(MARGIN, baseline(row), label, accent ? 'bold' : '')),
    ...columns.flatMap((column, i) => columnParts(column, starts[i] ?? 0)),
    ...notes.map((note, i) => text(MARGIN, bottom + 26 + i * NOTE_HEIGHT, note, 'quiet small')),
  ];

  function columnParts({ title: name, values, format }: Column, x: number): string[] {
    const largest = Math.max(...values.map((value) => value ?? 0));
    const bars = values.flatMap((value, row) => {
      if (value === undefined) return [text(x + 4, baseline(row), '–', 'quiet')];
      const length = largest > 0 ? Math.max(1, Math.round((value / largest) * BAR_WIDTH)) : 1;
      const accent = rows[row]?.accent === true;
      const bar = `<rect x="${x}" y="${baseline(row) - 11}" width="${length}" height="${BAR_HEIGHT}" rx="2"`;
      return [
        `${bar} class="${accent ? 'accent' : 'bar'}"/>`,
        text(x + length + 5, baseline(row), format(value), accent ? 'bold' : ''),
      ];
    });
    const axis = `<line x1="${x}" y1="${top}" x2="${x}" y2="${bottom}" class="line"/>`;
    return [text(x, top - 10, name, 'quiet'), axis, ...bars];
  }

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${width}" height="${height}" rx="8"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
