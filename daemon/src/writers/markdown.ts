/** Markdown: the file name as a heading, then the text in paragraphs that end where the speaker pauses. */
import { basename } from 'node:path';
import type { Segment } from '../protocol/transcription.js';
import { linesOf, oneLine, type Writer } from './writer.js';

/** Pause that starts a paragraph; most pauses between sentences are shorter than a second. */
const PARAGRAPH_PAUSE_SECONDS = 2;

const LANGUAGE_WITHOUT_SPACES =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}]$/u;

export function markdownWriter(): Writer {
  return {
    begin: () => '',
    segment: () => '',
    end: ({ file, segments }) => {
      const title = escape(oneLine(basename(file))) || 'Transcript';
      const paragraphs = paragraphsOf(segments).map((lines) => lines.map(block).join('\\\n'));
      return [`# ${title}`, ...paragraphs].map((part) => `${part}\n`).join('\n');
    },
  };
}

/** Paragraphs as lists of lines. A line break in the text starts a line, two of them a paragraph. */
function paragraphsOf(segments: readonly Segment[]): string[][] {
  const paragraphs: string[][] = [];
  /** Number of line breaks before the next text. */
  let due = 2;
  let end = -Infinity;
  for (const segment of segments) {
    if (segment.start - end >= PARAGRAPH_PAUSE_SECONDS && oneLine(segment.text) !== '') due = 2;
    for (const [index, line] of linesOf(segment.text).entries()) {
      if (index > 0) due += 1;
      if (line === '') continue;
      const paragraph = paragraphs.at(-1);
      const before = paragraph?.at(-1);
      if (paragraph === undefined || before === undefined || due >= 2) paragraphs.push([line]);
      else if (due === 1) paragraph.push(line);
      else paragraph[paragraph.length - 1] = `${before}${spaceAfter(before)}${line}`;
      due = 0;
      end = segment.end;
    }
  }
  return paragraphs;
}

function spaceAfter(text: string): string {
  return LANGUAGE_WITHOUT_SPACES.test(text.replace(/\p{P}+$/u, '')) ? '' : ' ';
}

/** Escapes characters that are markup anywhere in a line. */
function escape(text: string): string {
  return text.replace(/[\\`*_[\]<>|~]/g, '\\$&').replace(/&(?=#?\w+;)/g, '\\&');
}

/** Also escapes characters that are markup at the start of a line: a heading, a list, a rule. */
function block(line: string): string {
  return escape(line)
    .replace(/^(#+|[-+=])(?=\s|$)/, '\\$1')
    .replace(/^([-=]+)$/, '\\$1')
    .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2');
}
