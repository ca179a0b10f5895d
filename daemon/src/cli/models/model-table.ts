/** An aligned table; on narrow terminals the last columns are dropped. */
import { columnsOf, fitStart, padEnd } from '../terminal/columns.js';
import type { Style } from '../terminal/style.js';

const GAP = '  ';

/**
 * @param rows as many cells each as `heads`; the first column is never dropped
 * @param columns width of the terminal; unlimited if undefined
 */
export function modelTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined,
  style: Style,
): string {
  let count = heads.length;
  const widths = heads.map((head, i) =>
    Math.max(columnsOf(head), ...rows.map((row) => columnsOf(row[i] ?? ''))),
  );
  const widthOf = (cells: number): number =>
    widths.slice(0, cells).reduce((sum, width) => sum + width + GAP.length, 0);
  while (columns !== undefined && count > 1 && widthOf(count) > columns) count--;
  const line = (cells: readonly string[]): string => {
    const text = cells
      .slice(0, count)
      .map((cell, i) => padEnd(cell, widths[i] ?? 0))
      .join(GAP)
      .trimEnd();
    return columns === undefined ? text : fitStart(text, columns);
  };
  return `${style.dim(line(heads))}\n${rows.map((row) => `${line(row)}\n`).join('')}`;
}

/** Width of the terminal; undefined if the output is not one. */
export function terminalColumns(stream: NodeJS.WriteStream = process.stdout): number | undefined {
  return stream.isTTY ? Math.max(20, stream.columns || 80) - 1 : undefined;
}
