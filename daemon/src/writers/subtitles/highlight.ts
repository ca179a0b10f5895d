/** `--highlight-words`: a cue as a row of cues, each with the word that is being said underlined. */
import type { Cue } from './cues.js';
import type { Line } from './lines.js';

/** A stretch of a cue; `word` counts its words through all lines, undefined while none is said. */
interface Highlight {
  readonly start: number;
  readonly end: number;
  readonly word: number | undefined;
}

/** They follow each other without a gap, from the start of the cue to its end. */
export function toHighlights(cue: Cue): Highlight[] {
  const words = cue.lines.flat().flatMap((unit) => unit.words);
  const stretches: Highlight[] = [];
  let at = cue.start;
  const until = (end: number, word: number | undefined): void => {
    if (end <= at) return;
    stretches.push({ start: at, end, word });
    at = end;
  };
  for (const [index, { start, end }] of words.entries()) {
    until(Math.min(start, cue.end), undefined);
    // Cut short where the next word begins before this one ends.
    until(Math.min(end, words[index + 1]?.start ?? Infinity, cue.end), index);
  }
  until(cue.end, undefined);
  return stretches;
}

/** The lines of a cue, each word written by `write`, which is told its number. */
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
