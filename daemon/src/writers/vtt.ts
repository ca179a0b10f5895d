/**
 * WebVTT. Cue text is markup, so `&`, `<` and `>` are written as entities. If words have times, each one except the
 * first has a timestamp inside the cue (`<00:00:01.000>`), for players that show words as they are spoken.
 */
import { underline } from './srt.js';
import { CueSequence, type Cue } from './subtitles/cues.js';
import { toHighlights, renderWords } from './subtitles/highlight.js';
import { clockTime } from './timestamp.js';
import type { Writer, WriterSettings } from './writer.js';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

export function vttWriter({ rules, highlightWords = false }: WriterSettings = {}): Writer {
  const sequence = new CueSequence(rules);
  const write = (cue: Cue): string => {
    if (!cue.isTimed) return block(cue.start, cue.end, renderWords(cue.lines, escape));
    if (!highlightWords) return block(cue.start, cue.end, withWordTimes(cue));
    return toHighlights(cue)
      .map(({ start, end, word }) => {
        const text = renderWords(cue.lines, (part, index) => underline(escape(part), index === word));
        return block(start, end, text);
      })
      .join('');
  };
  return {
    begin: () => 'WEBVTT\n\n',
    segment: (segment) => sequence.add(segment).map(write).join(''),
    end: ({ summary }) => sequence.finish(summary.durationSeconds).map(write).join(''),
    flush: () => sequence.finish().map(write).join(''),
  };
}

function block(start: number, end: number, text: string): string {
  return `${clockTime(start, '.')} --> ${clockTime(end, '.')}\n${text}\n\n`;
}

/** Timestamps must increase and lie inside the cue; a word whose time does not shares that of the previous word. */
function withWordTimes(cue: Cue): string {
  let last = cue.start;
  return renderWords(cue.lines, (text, index, start) => {
    const isTimed = index > 0 && start > last && start < cue.end;
    if (isTimed) last = start;
    return isTimed ? `<${clockTime(start, '.')}>${escape(text)}` : escape(text);
  });
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (mark) => ENTITIES[mark] ?? mark);
}
