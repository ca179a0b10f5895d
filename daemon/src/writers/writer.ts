/** A form of written text. Writers are strings in, strings out: where they go is somebody else's business. */
import type { JobSummary } from '../protocol/messages.js';
import type { Segment } from '../protocol/transcription.js';
import type { ReportAudio } from './report/audio-source.js';
import type { SubtitleRules } from './subtitles/rules.js';

/** A file and all of its text. */
export interface Transcript {
  /** As the user named it. */
  readonly file: string;
  readonly segments: readonly Segment[];
  readonly summary: JobSummary;
  /** Of the text, where it is not the one that is spoken. */
  readonly textLanguage?: string;
  /** How a report reaches the sound; only `html` looks at it. */
  readonly audio?: ReportAudio;
}

/** Called in order: `begin`, `segment` for each, then `end`, or `cut` where the file failed. The parts joined are the document. */
export interface Writer {
  begin(): string;
  segment(segment: Segment): string;
  end(transcript: Transcript): string;
  /** What is still held back when a file fails in the middle. */
  flush?(): string;
}

/** What the user may set; only subtitles look at it. */
export interface WriterSettings {
  readonly rules?: SubtitleRules;
  /** A cue for each word, with that word underlined. */
  readonly highlightWords?: boolean;
}

export function render(writer: Writer, transcript: Transcript): string {
  const body = transcript.segments.map((segment) => writer.segment(segment));
  return [writer.begin(), ...body, writer.end(transcript)].join('');
}

/** Text on one line: a line break or a control character inside a segment would end a cue or a row. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

const LINE_BREAK = /\r\n|[\n\r\u2028\u2029]/u;

/** The lines of a text: a replacement may hold line breaks. Each is `oneLine`; two breaks in a row give an empty one. */
export function linesOf(text: string): string[] {
  return text.split(LINE_BREAK).map(oneLine);
}

/** The same without the empty ones: an empty line ends a cue. */
export function nonEmptyLines(text: string): string[] {
  return linesOf(text).filter((line) => line !== '');
}

/** The text of all segments as one string, spaced as the model spaced it. */
export function fullText(segments: readonly Segment[]): string {
  return segments
    .map((segment) => segment.text)
    .join('')
    .trim();
}
