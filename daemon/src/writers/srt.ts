/** SubRip: numbered cues. Segments without text get no cue and no number. */
import { CueSequence, type Cue } from './subtitles/cues.js';
import { toHighlights, renderWords } from './subtitles/highlight.js';
import { clockTime } from './timestamp.js';
import type { Writer, WriterSettings } from './writer.js';

export function srtWriter({ rules, highlightWords = false }: WriterSettings = {}): Writer {
  const sequence = new CueSequence(rules);
  let number = 0;
  const block = (start: number, end: number, text: string): string => {
    number += 1;
    return `${number}\n${clockTime(start, ',')} --> ${clockTime(end, ',')}\n${escapeArrows(text)}\n\n`;
  };
  const write = (cue: Cue): string => {
    if (!highlightWords || !cue.isTimed)
      return block(
        cue.start,
        cue.end,
        renderWords(cue.lines, (part) => part),
      );
    return toHighlights(cue)
      .map(({ start, end, word }) => {
        const text = renderWords(cue.lines, (part, index) => underline(part, index === word));
        return block(start, end, text);
      })
      .join('');
  };
  return {
    begin: () => '',
    segment: (segment) => sequence.add(segment).map(write).join(''),
    end: ({ summary }) => sequence.finish(summary.durationSeconds).map(write).join(''),
    flush: () => sequence.finish().map(write).join(''),
  };
}

/** An arrow in the text would be parsed as a second timing line, and SubRip has no entities. */
function escapeArrows(text: string): string {
  return text.replace(/-{2,}>/g, '->');
}

export function underline(text: string, on: boolean): string {
  return on ? text.replace(/^(\s*)(.*?)(\s*)$/su, '$1<u>$2</u>$3') : text;
}
