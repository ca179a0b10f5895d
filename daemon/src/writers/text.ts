/** Plain text: a line for each segment. */
import { oneLine, type Writer } from './writer.js';

export function textWriter(): Writer {
  return {
    begin: () => '',
    segment: ({ text }) => {
      const line = oneLine(text);
      return line === '' ? '' : `${line}\n`;
    },
    end: () => '',
  };
}
