/** How a command shows the work on a file. One for terminals, one for everything else. */
import { basename } from 'node:path';
import type { JobEvent } from '../../protocol/messages.js';
import type { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { Transcript } from '../../writers/index.js';

export interface TranscribeView {
  /** A file begins. */
  begin(file: string): void;
  /** Something the user waits for before there is a file to show. */
  waiting(what: string): void;
  event(event: JobEvent): void;
  /** Text for stdout; the view decides where on the screen. */
  put(text: string): void;
  done(transcript: Transcript, writtenTo: string | undefined): void;
  failed(file: string, error: SottoError): void;
  /** A remark that is no error. */
  note(text: string): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

/** Why a file does not begin that the daemon can't open. */
export function fileWaitText(
  { why, copied }: Pick<Extract<JobEvent, { type: 'waiting' }>, 'why' | 'copied'>,
  os: NodeJS.Platform = process.platform,
): string {
  if (copied !== undefined) return `copying the file for the daemon: ${(copied.bytes / 1e6).toFixed(1)} MB`;
  if (why === 'denied') return 'the daemon may not open this file; copying it…';
  return os === 'darwin' ? 'waiting for macOS to allow this file…' : 'waiting for this file to open…';
}

/** Whether the user may have to answer a prompt before the file begins. */
export function isSlowFile(event: JobEvent): event is Extract<JobEvent, { type: 'waiting' }> {
  return (
    event.type === 'waiting' && event.for === 'file' && event.why === 'slow' && event.copied === undefined
  );
}

/** `--quiet`: texts and errors of a view, and nothing else. */
export function withoutNotes<V extends object>(view: V): V {
  const shown = ['put', 'failed', 'close'];
  const none = (): void => undefined;
  return Object.fromEntries(
    Object.entries(view).map(([name, show]) => [name, shown.includes(name) ? (show as unknown) : none]),
  ) as V;
}

/** `sotto: talk.mp3: the file ends early — copy it again`: one line, whatever the message holds. */
export function errorLine(error: SottoError, file?: string): string {
  const where = file === undefined ? '' : `${file}: `;
  const advice = error.hint === '' ? '' : ` — ${error.hint}`;
  return `sotto: ${where}${withoutName(error.message, file)}${advice}`.replace(/[\r\n]+/g, ' ');
}

/** `"talk.mp3" is empty` → `empty`: the line names the file already. */
function withoutName(message: string, file: string | undefined): string {
  if (file === undefined) return message;
  const [quoted = '', name = ''] = /"((?:[^"\\]|\\.)*)"/.exec(message) ?? [];
  if (quoted === '' || basename(name) !== basename(file)) return message;
  if (message === `there is no file ${quoted}`) return 'file not found';
  return message.startsWith(quoted) ? message.slice(quoted.length).replace(/^ (?:is )?/, '') : message;
}

/** Says what ended a command as a whole. @returns its exit code */
export function reportFailure(thrown: unknown): number {
  const error = codedError(thrown);
  process.stderr.write(`${errorLine(error)}\n`);
  return error.exitCode;
}
