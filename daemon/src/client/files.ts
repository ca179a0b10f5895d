/**
 * Files that the daemon transcribes by itself, as a program sees them: it may hand them in, leave, and come back.
 *
 * @example
 * await client.files.add(['/tmp/talk.flac'], { options: { language: 'en' } });
 * for await (const files of client.files.watch()) if (files.every(isFileOver)) break;
 * const { segments } = await client.files.get(id);
 */
import { SottoError } from '../protocol/errors.js';
import {
  FILE_LIMITS,
  type FileJob,
  type FilesEvent,
  type FilesRequest,
  type FilesResult,
} from '../protocol/files.js';
import type { DaemonMessage } from '../protocol/messages.js';
import type { Segment, TranscribeOptions } from '../protocol/transcription.js';
import { EventQueue } from './event-queue.js';
import type { NewLine } from './models.js';

export type { FileJob } from '../protocol/files.js';

export interface FileText {
  readonly file: FileJob;
  readonly segments: readonly Segment[];
}

export function isFileOver({ state }: FileJob): boolean {
  return state === 'final' || state === 'cancelled' || state === 'failed';
}

export class FilesClient {
  readonly #newLine: NewLine;

  constructor(newLine: NewLine) {
    this.#newLine = newLine;
  }

  /** Files by their absolute paths; they come after those that are there. @throws SottoError BUSY */
  async add(
    paths: readonly string[],
    how: { readonly model?: string; readonly options?: TranscribeOptions } = {},
  ): Promise<FileJob[]> {
    const added: FileJob[] = [];
    for (let rest = [...paths]; rest.length > 0;) {
      const { files } = await this.#ask({ do: 'add', paths: rest.splice(0, countOf(rest)), ...how });
      added.push(...files);
    }
    return added;
  }

  /** A file with all of its text, as far as it is written. @throws SottoError INVALID_ARGUMENT: it is gone */
  async get(file: string): Promise<FileText> {
    const segments: Segment[] = [];
    for (;;) {
      const part = await this.#ask({ do: 'get', file, from: segments.length });
      segments.push(...part.segments);
      if (part.next === undefined) return { file: part.file, segments };
    }
  }

  async cancel(files: readonly string[]): Promise<void> {
    if (files.length > 0) await this.#ask({ do: 'cancel', files: [...files] });
  }

  /** Their texts are gone with them. */
  async forget(files: readonly string[]): Promise<void> {
    if (files.length > 0) await this.#ask({ do: 'forget', files: [...files] });
  }

  /** All files, at each change; the newest where the reader is slow. Goes on until the loop is left. */
  async *watch(): AsyncGenerator<readonly FileJob[], void> {
    const events = new EventQueue<FilesEvent>();
    const { id, line } = this.#newLine({
      receive: (message) => {
        if (message.type === 'files-event') {
          if (message.event.type === 'files') events.drop(() => true);
          events.push(message.event);
        } else events.end(errorOf(message));
      },
      lost: (error) => events.end(error),
    });
    line.send({ type: 'files', id, request: { do: 'watch' } });
    let files: readonly FileJob[] = [];
    try {
      for await (const event of events.read()) {
        if (event.type === 'files') files = event.files;
        else files = files.map((each) => (each.id === event.file.id ? event.file : each));
        if (events.backlog === 0) yield files;
      }
    } finally {
      line.send({ type: 'cancel', id });
      line.close();
    }
  }

  #ask<Do extends FilesResult['do']>(
    request: FilesRequest & { do: Do },
  ): Promise<Extract<FilesResult, { do: Do }>> {
    return new Promise((resolve, reject) => {
      const { id, line } = this.#newLine({
        receive: (message) => {
          line.close();
          if (message.type === 'files-done' && isAnswer(message.result, request.do)) resolve(message.result);
          else reject(errorOf(message));
        },
        lost: reject,
      });
      line.send({ type: 'files', id, request });
    });
  }
}

/** As many as one request holds; one at least. */
function countOf(paths: readonly string[]): number {
  let length = 0;
  const tooLong = paths.findIndex((path) => (length += path.length) > FILE_LIMITS.pathsLength);
  const fitting = tooLong < 0 ? paths.length : Math.max(1, tooLong);
  return Math.min(fitting, FILE_LIMITS.perRequest);
}

function isAnswer<Do extends FilesResult['do']>(
  result: FilesResult,
  asked: Do,
): result is Extract<FilesResult, { do: Do }> {
  return result.do === asked;
}

function errorOf(message: DaemonMessage): SottoError {
  if (message.type === 'error') return SottoError.fromWire(message.error);
  if (message.type === 'cancelled') return new SottoError('CANCELLED', 'cancelled');
  return new SottoError('PROTOCOL', `the daemon said \`${message.type}\` about files`);
}
