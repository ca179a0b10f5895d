/** The progress of single files. One implementation for terminals, one for everything else. */
import { basename } from 'node:path';
import type { JobEvent, JobSummary } from '../../protocol/messages.js';
import type { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { Transcript } from '../../writers/index.js';

export interface TranscribeView {
  /** Starts a file. */
  begin(file: string): void;
  /** Shows what the user waits for before a file starts. */
  waiting(what: string): void;
  event(event: JobEvent): void;
  /** Prints text on stdout at the right place of the screen. */
  put(text: string): void;
  done(transcript: Transcript, writtenTo: string | undefined): void;
  failed(file: string, error: SottoError): void;
  note(text: string): void;
  /** Restores the terminal. */
  close(): void;
}

/** Why the daemon can't open a file yet. */
export function fileWaitText(
  { why, copied }: Pick<Extract<JobEvent, { type: 'waiting' }>, 'why' | 'copied'>,
  os: NodeJS.Platform = process.platform,
): string {
  if (copied !== undefined) return `copying the file for the daemon: ${(copied.bytes / 1e6).toFixed(1)} MB`;
  if (why === 'denied') return 'the daemon may not open this file; copying it…';
  return os === 'darwin' ? 'waiting for macOS to allow this file…' : 'waiting for this file to open…';
}

/** Whether macOS may be asking the user for permission. */
export function isSlowFile(event: JobEvent): event is Extract<JobEvent, { type: 'waiting' }> {
  return (
    event.type === 'waiting' && event.for === 'file' && event.why === 'slow' && event.copied === undefined
  );
}

/** Says how many words have no times of the aligner; undefined if all have. */
export function keptTimesNote({
  alignment,
  model,
}: Pick<JobSummary, 'alignment' | 'model'>): string | undefined {
  if (alignment === undefined || alignment.kept === 0) return undefined;
  const { aligned, kept, model: aligner } = alignment;
  return `${aligner} aligned ${aligned} of ${aligned + kept} words; the others keep the times of ${model}`;
}

/** `--quiet`: keeps texts and errors only. */
export function withoutNotes<V extends object>(view: V): V {
  const shown = ['put', 'failed', 'close'];
  const none = (): void => undefined;
  return Object.fromEntries(
    Object.entries(view).map(([name, show]) => [name, shown.includes(name) ? (show as unknown) : none]),
  ) as V;
}

/** `sotto: talk.mp3: the file ends early — copy it again`, always one line. */
export function errorLine(error: SottoError, file?: string): string {
  const where = file === undefined ? '' : `${file}: `;
  const advice = error.hint === '' ? '' : ` — ${error.hint}`;
  return `sotto: ${where}${withoutName(error.message, file)}${advice}`.replace(/[\r\n]+/g, ' ');
}

/** `"talk.mp3" is empty` → `empty`, because the line already names the file. */
function withoutName(message: string, file: string | undefined): string {
  if (file === undefined) return message;
  const [quoted = '', name = ''] = /"((?:[^"\\]|\\.)*)"/.exec(message) ?? [];
  if (quoted === '' || basename(name) !== basename(file)) return message;
  if (message === `file not found: ${quoted}`) return 'file not found';
  return message.startsWith(quoted) ? message.slice(quoted.length).replace(/^ (?:is )?/, '') : message;
}

/** Prints the error that ended the command. @returns its exit code */
export function reportFailure(thrown: unknown): number {
  const error = codedError(thrown);
  process.stderr.write(`${errorLine(error)}\n`);
  return error.exitCode;
}
