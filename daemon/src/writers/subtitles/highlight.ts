/** `--highlight-words`: splits a cue into cues with the current word underlined. */
import type { Cue } from './cues.js';
import type { Line } from './lines.js';

/** A time range of a cue; `word` is the index of the spoken word across all lines, undefined between words. */
interface Highlight {
  readonly start: number;
  readonly end: number;
  readonly word: number | undefined;
}

/** Covers the cue from start to end without gaps. */
export function toHighlights(cue: Cue): Highlight[] {
  const words = cue.lines.flat().flatMap((unit) => unit.words);
  const highlights: Highlight[] = [];
  let at = cue.start;
  const until = (end: number, word: number | undefined): void => {
    if (end <= at) return;
    highlights.push({ start: at, end, word });
    at = end;
  };
  for (const [index, { start, end }] of words.entries()) {
    until(Math.min(start, cue.end), undefined);
    // Ends early if the next word starts before this one ends.
    until(Math.min(end, words[index + 1]?.start ?? Infinity, cue.end), index);
  }
  until(cue.end, undefined);
  return highlights;
}

/** Renders the lines of a cue; `write` renders each word from its text, index and start. */
export function renderWords(
  lines: readonly Line[],
  write: (text: string, word: number, start: number) => string,
): string {
  let number = 0;
  return lines
    .map((line) =>
      line
        .map((unit, index) => {
          const text = unit.words.map((word) => write(word.text, number++, word.start)).join('');
          return index > 0 && unit.hasSpaceBefore ? ` ${text}` : text;
        })
        .join(''),
    )
    .join('\n');
}
