/** Plain text: a line for each segment, more where its text has line breaks, and empty ones where a paragraph ends. */
import { linesOf, type Writer } from './writer.js';

export function textWriter(): Writer {
  /** Line breaks that are due before the next text; undefined before the first text. */
  let due: number | undefined;
  return {
    begin: () => '',
    segment: ({ text }) => {
      let document = '';
      for (const [index, line] of linesOf(text).entries()) {
        if (index > 0 && due !== undefined) due += 1;
        if (line === '') continue;
        // The next segment starts a line in any case, so one break between two segments is there already.
        document += `${'\n'.repeat(Math.max(0, (due ?? 1) - 1))}${line}\n`;
        due = 0;
      }
      return document;
    },
    end: () => '',
  };
}
