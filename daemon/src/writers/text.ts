/** Plain text: a line per segment, more if its text has line breaks, and an empty one after a paragraph. */
import { linesOf, type Writer } from './writer.js';

export function textWriter(): Writer {
  /** Number of line breaks before the next text; undefined before the first text. */
  let due: number | undefined;
  return {
    begin: () => '',
    segment: ({ text }) => {
      let document = '';
      for (const [index, line] of linesOf(text).entries()) {
        if (index > 0 && due !== undefined) due += 1;
        if (line === '') continue;
        // A segment always starts a line, so one break between two segments is already written.
        document += `${'\n'.repeat(Math.max(0, (due ?? 1) - 1))}${line}\n`;
        due = 0;
      }
      return document;
    },
    end: () => '',
  };
}
