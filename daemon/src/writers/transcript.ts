/** Turns the events of a file into a document, for printing, batches and workers. */
import { SottoError } from '../protocol/errors.js';
import type { JobEvent, JobSummary } from '../protocol/messages.js';
import type { Segment, TranscribeOptions } from '../protocol/transcription.js';
import type { ReportAudio } from './writer.js';
import { formatOf, render, type FormatName, type Transcript, type WriterSettings } from './index.js';
import { defined } from '../protocol/defined.js';

/** How a document is made. */
export interface TranscriptOptions {
  readonly options: TranscribeOptions;
  readonly format: FormatName;
  /** Subtitle layout. */
  readonly writer?: WriterSettings;
}

interface TranscriptSource {
  /** Display name. */
  readonly file: string;
  readonly segments: readonly Segment[];
  readonly summary: JobSummary;
  /** Folder of the document. */
  readonly folder: string;
  /** How a report embeds or links the audio, if it does not lie at `file`. */
  readonly audio?: () => Promise<ReportAudio | undefined>;
}

export async function transcriptOf(
  { file, segments, summary, folder, audio: loadAudio }: TranscriptSource,
  { format, options }: TranscriptOptions,
): Promise<Transcript> {
  const audio = format === 'html' ? await (loadAudio?.() ?? audioFor(file, folder)) : undefined;
  const translated = options.task === 'translate' ? { textLanguage: 'en' } : {};
  return { file, segments, summary, ...translated, ...defined({ audio }) };
}

export interface Document {
  readonly text: string;
  readonly transcript: Transcript;
}

/**
 * Collects a whole run into a document.
 *
 * @param onEvent called with each event
 * @throws SottoError errors of the events
 */
export async function documentOf(
  events: AsyncIterable<JobEvent>,
  { file, folder, audio }: Pick<TranscriptSource, 'file' | 'folder' | 'audio'>,
  recipe: TranscriptOptions,
  onEvent: (event: JobEvent) => void = () => undefined,
): Promise<Document> {
  const segments: Segment[] = [];
  for await (const event of events) {
    onEvent(event);
    if (event.type === 'segment') segments.push(event.segment);
    if (event.type !== 'final') continue;
    const transcript = await transcriptOf(
      { file, segments, summary: event.summary, folder, ...defined({ audio }) },
      recipe,
    );
    const writer = await formatOf(recipe.format).writer(recipe.writer);
    return { text: render(writer, transcript), transcript };
  }
  throw new SottoError('INTERNAL', 'the transcription ended without a result');
}

async function audioFor(file: string, folder: string): Promise<ReportAudio> {
  const { reportAudio } = await import('./report-audio.js');
  return reportAudio(file, folder);
}
