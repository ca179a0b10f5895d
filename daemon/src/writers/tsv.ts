/** Tab-separated values: start and end in whole milliseconds, then the text, after a header line. */
import { oneLine, type Writer } from './writer.js';

export function tsvWriter(): Writer {
  return {
    begin: () => 'start\tend\ttext\n',
    segment: ({ start, end, text }) => {
      const line = oneLine(text);
      return line === ''
        ? ''
        : `${Math.round(start * 1000)}\t${Math.round(Math.max(start, end) * 1000)}\t${line}\n`;
    },
    end: () => '',
  };
}
