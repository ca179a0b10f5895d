/** Wraps growing text: committed text, followed by tentative text. */
import { columnsOf } from './columns.js';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

interface FlowLine {
  readonly committed: string;
  readonly tentative: string;
}

export class TextFlow {
  #committed = '';
  #tentative = '';
  #columns = 0;
  /** Full lines of committed text; they change only with the width. */
  #lines: string[] = [];
  /** Offset of the committed text after the full lines. */
  #open = 0;

  /** Commits text, including its leading space. */
  append(text: string): void {
    this.#committed = (this.#committed + printable(text)).trimStart();
    this.#tentative = '';
  }

  /** Replaces the tentative text. */
  setTentative(text: string): void {
    this.#tentative = printable(text);
  }

  /** The last lines, no wider than `columns`. */
  lines(columns: number, maxLines: number): FlowLine[] {
    if (columns !== this.#columns) {
      this.#columns = columns;
      this.#lines = [];
      this.#open = 0;
    }
    const open = this.#committed.slice(this.#open);
    // Only committed text can fill a line permanently.
    const fullLines = breakLines(open, columns).slice(0, -1);
    for (const line of fullLines) {
      this.#lines.push(line.trimEnd());
      this.#open += line.length;
    }
    const rest = this.#committed.slice(this.#open);
    let at = 0;
    const tentative = this.#committed === '' ? this.#tentative.trimStart() : this.#tentative;
    const moving = breakLines(rest + tentative, columns).map((line) => {
      const committed = line.slice(0, Math.max(0, rest.length - at));
      at += line.length;
      return { committed, tentative: line.slice(committed.length).trimEnd() };
    });
    const fixed = this.#lines.slice(-maxLines).map((committed) => ({ committed, tentative: '' }));
    return [...fixed, ...moving]
      .filter(({ committed, tentative }) => committed.trim() + tentative !== '')
      .slice(-maxLines);
  }
}

/** Splits text into lines; joined they are the text again. Trailing spaces may exceed the width. */
function breakLines(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  let width = 0;
  const put = (part: string): void => {
    line += part;
    width += columnsOf(part);
  };
  for (const word of text.match(/\S+\s*|\s+/g) ?? []) {
    const bare = columnsOf(word.trimEnd());
    if (width > 0 && width + bare > columns) {
      lines.push(line);
      line = '';
      width = 0;
    }
    if (bare <= columns) {
      put(word);
      continue;
    }
    // A word longer than a line: a language without spaces.
    for (const { segment } of graphemes.segment(word)) {
      if (width + columnsOf(segment) > columns && segment.trim() !== '') {
        lines.push(line);
        line = '';
        width = 0;
      }
      put(segment);
    }
  }
  return [...lines, line];
}

/** Control characters would break a redrawn screen. */
function printable(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ');
}

/** Wraps printed text at words if stdout is a terminal, because terminals break inside words. */
export function wrapForStdout(text: string): string {
  const { isTTY, columns } = process.stdout;
  if (isTTY !== true || columns <= 0) return text;
  return text
    .split('\n')
    .flatMap((line) => breakLines(line, columns).map((part) => part.trimEnd()))
    .join('\n');
}
