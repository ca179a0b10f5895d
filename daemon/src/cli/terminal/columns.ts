/** Text in terminal columns: a Chinese character has two, a combining accent none. */
import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

export function columnsOf(text: string): number {
  return stringWidth(text);
}

/** Truncates the end, with an ellipsis. `text` must not contain escape codes. */
export function fitStart(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  return `${truncate(
    [...graphemes.segment(text)].map((part) => part.segment),
    columns - 1,
  )}…`;
}

/** Truncates the start, for a line that grows. */
export function fitEnd(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  const parts = [...graphemes.segment(text)].map((part) => part.segment).reverse();
  const kept = firstGraphemes(parts, columns - 1)
    .reverse()
    .join('');
  return `…${kept}`;
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

function truncate(parts: readonly string[], columns: number): string {
  return firstGraphemes(parts, columns).join('');
}

function firstGraphemes(parts: readonly string[], columns: number): string[] {
  const kept: string[] = [];
  let width = 0;
  for (const part of parts) {
    width += columnsOf(part);
    if (width > columns) break;
    kept.push(part);
  }
  return kept;
}
