/** SubRip: numbered cues. Segments without text give no cue and take no number. */
import { timestamp } from './timestamp.js';
import { oneLine, type Writer } from './writer.js';

export function srtWriter(): Writer {
  let cue = 0;
  return {
    begin: () => '',
    segment: ({ start, end, text }) => {
      // An arrow inside the text would read as a second timing line.
      const line = oneLine(text).replaceAll('-->', '->');
      if (line === '') return '';
      cue += 1;
      return `${cue}\n${timestamp(start, ',')} --> ${timestamp(Math.max(start, end), ',')}\n${line}\n\n`;
    },
    end: () => '',
  };
}
