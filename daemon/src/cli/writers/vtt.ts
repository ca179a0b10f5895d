/** WebVTT. Its cue text is markup, so `&`, `<` and `>` are written as entities. */
import { timestamp } from './timestamp.js';
import { oneLine, type Writer } from './writer.js';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

export function vttWriter(): Writer {
  return {
    begin: () => 'WEBVTT\n\n',
    segment: ({ start, end, text }) => {
      const line = oneLine(text).replace(/[&<>]/g, (mark) => ENTITIES[mark] ?? mark);
      if (line === '') return '';
      return `${timestamp(start, '.')} --> ${timestamp(Math.max(start, end), '.')}\n${line}\n\n`;
    },
    end: () => '',
  };
}
