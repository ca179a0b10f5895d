/** Writers turn transcripts into documents, strings only; callers write the files. */
import type { JobSummary } from '../protocol/messages.js';
import type { Segment } from '../protocol/transcription.js';
import type { SubtitleRules } from './subtitles/rules.js';

/** Location of the audio of a report. */
export type ReportAudio =
  | {
      /** In the page itself, as a data URL. */
      readonly kind: 'embedded';
      readonly mime: string;
      readonly base64: string;
    }
  | {
      /** Next to the page: a relative link, already escaped as a URL. */
      readonly kind: 'linked';
      readonly href: string;
    };

/** The transcript of a file. */
export interface Transcript {
  /** Path as the user entered it. */
  readonly file: string;
  readonly segments: readonly Segment[];
  readonly summary: JobSummary;
  /** Language of the text, if it is not the spoken one. */
  readonly textLanguage?: string;
  /** Location of the audio, used by `html` only. */
  readonly audio?: ReportAudio;
}

/** Calls: `begin`, `segment` for each segment, then `end`, or `flush` if the file failed. The document is their concatenation. */
export interface Writer {
  begin(): string;
  segment(segment: Segment): string;
  end(transcript: Transcript): string;
  /** Returns the text that is still held back when a file fails midway. */
  flush?(): string;
}

/** User settings, for subtitles only. */
export interface WriterSettings {
  readonly rules?: SubtitleRules;
  /** One cue per word, with that word underlined. */
  readonly highlightWords?: boolean;
}

export function render(writer: Writer, transcript: Transcript): string {
  const body = transcript.segments.map((segment) => writer.segment(segment));
  return [writer.begin(), ...body, writer.end(transcript)].join('');
}

/** Joins text into one line: a line break or control character in a segment would end a cue or a row. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

const LINE_BREAK = /\r\n|[\n\r\u2028\u2029]/u;

/** Splits text into lines, since a replacement may contain line breaks. Two breaks in a row give an empty line. */
export function linesOf(text: string): string[] {
  return text.split(LINE_BREAK).map(oneLine);
}

/** Like `linesOf`, without empty lines, because an empty line ends a cue. */
export function nonEmptyLines(text: string): string[] {
  return linesOf(text).filter((line) => line !== '');
}

/** The text of all segments as one string, with the model's spacing. */
export function fullText(segments: readonly Segment[]): string {
  return segments
    .map((segment) => segment.text)
    .join('')
    .trim();
}
