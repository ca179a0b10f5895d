/** A form of written text. Writers are strings in, strings out: where they go is somebody else's business. */
import type { JobSummary } from '../../protocol/messages.js';
import type { Segment } from '../../protocol/transcription.js';

/** A file and all of its text. */
export interface Transcript {
  /** As the user named it. */
  readonly file: string;
  readonly segments: readonly Segment[];
  readonly summary: JobSummary;
}

/** Called in order: `begin`, `segment` for each, `end`. The parts joined are the document. */
export interface Writer {
  begin(): string;
  segment(segment: Segment): string;
  end(transcript: Transcript): string;
}

export function render(writer: Writer, transcript: Transcript): string {
  const body = transcript.segments.map((segment) => writer.segment(segment));
  return [writer.begin(), ...body, writer.end(transcript)].join('');
}

/** Text on one line: a line break inside a segment would end a cue or a row. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** The text of all segments as one string, spaced as the model spaced it. */
export function fullText(segments: readonly Segment[]): string {
  return segments
    .map((segment) => segment.text)
    .join('')
    .trim();
}
