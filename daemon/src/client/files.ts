/**
 * The daemon's file queue. A program may add files, disconnect, and come back.
 *
 * @example
 * await client.files.add(['/tmp/talk.flac'], { options: { language: 'en' } });
 * for await (const files of client.files.watch()) if (files.every(isFileOver)) break;
 * const { segments } = await client.files.get(id);
 */
import {
  FILE_LIMITS,
  type FileJob,
  type FilesEvent,
  type FilesRequest,
  type FilesResult,
} from '../protocol/files.js';
import type { Segment, TranscribeOptions } from '../protocol/transcription.js';
import { EventQueue } from '../event-queue.js';
import type { OpenChannel } from './models.js';
import { errorOf } from './answers.js';
import { DaemonCopy } from './daemon-copy.js';

export type { FileJob } from '../protocol/files.js';

export interface FileText {
  readonly file: FileJob;
  readonly segments: readonly Segment[];
}

export function isFileOver({ state }: FileJob): boolean {
  return state === 'final' || state === 'cancelled' || state === 'failed';
}

export class FilesClient {
  readonly #openChannel: OpenChannel;
  readonly #uploads: string | undefined;

  /** @param uploads the daemon's upload folder; undefined if it accepts no copies */
  constructor(openChannel: OpenChannel, uploads?: string) {
    this.#openChannel = openChannel;
    this.#uploads = uploads;
  }

  /**
   * Adds files by their absolute paths to the end of the queue. A file that the daemon can't open waits until a program that can
   * read it calls `watch`.
   * @throws SottoError BUSY
   */
  async add(
    paths: readonly string[],
    how: { readonly model?: string; readonly options?: TranscribeOptions } = {},
  ): Promise<FileJob[]> {
    const added: FileJob[] = [];
    const supplies = this.#uploads !== undefined;
    for (let rest = [...paths]; rest.length > 0;) {
      const { files } = await this.#request({
        do: 'add',
        paths: rest.splice(0, countOf(rest)),
        supplies,
        ...how,
      });
      added.push(...files);
    }
    return added;
  }

  /** A file with its text so far. @throws SottoError INVALID_ARGUMENT if it was forgotten */
  async get(file: string): Promise<FileText> {
    const segments: Segment[] = [];
    for (;;) {
      const part = await this.#request({ do: 'get', file, from: segments.length });
      segments.push(...part.segments);
      if (part.next === undefined) return { file: part.file, segments };
    }
  }

  async cancel(files: readonly string[]): Promise<void> {
    if (files.length > 0) await this.#request({ do: 'cancel', files: [...files] });
  }

  /** Removes files and their texts. */
  async forget(files: readonly string[]): Promise<void> {
    if (files.length > 0) await this.#request({ do: 'forget', files: [...files] });
  }

  /**
   * Yields all files at each change; a slow reader gets only the newest state. Continues until the iteration is ended. Meanwhile
   * this copies files that the daemon can't open.
   */
  async *watch(): AsyncGenerator<readonly FileJob[], void> {
    const events = new EventQueue<FilesEvent>();
    const { id, channel } = this.#openChannel({
      receive: (message) => {
        if (message.type === 'files-event') {
          if (message.event.type === 'files') events.drop(() => true);
          events.push(message.event);
        } else events.end(errorOf(message, '`files`'));
      },
      lost: (error) => events.end(error),
    });
    channel.send({ type: 'files', id, request: { do: 'watch' } });
    let files: readonly FileJob[] = [];
    const supplies = new Map<string, DaemonCopy>();
    try {
      for await (const event of events.read()) {
        if (event.type === 'files') files = event.files;
        else files = files.map((each) => (each.id === event.file.id ? event.file : each));
        if (events.backlog > 0) continue;
        this.#supply(files, supplies);
        yield files;
      }
    } finally {
      for (const supply of supplies.values()) supply.stop();
      channel.send({ type: 'cancel', id });
      channel.close();
    }
  }

  /** Starts a copy of each waiting file, and stops copies that are no longer needed. */
  #supply(files: readonly FileJob[], supplies: Map<string, DaemonCopy>): void {
    const folder = this.#uploads;
    if (folder === undefined) return;
    const waiting = new Map(
      files.filter(({ waitsFor }) => waitsFor === 'file').map(({ id, path }) => [id, path]),
    );
    for (const [id, supply] of supplies) {
      if (waiting.has(id)) continue;
      supply.stop();
      supplies.delete(id);
    }
    for (const [file, path] of waiting) {
      if (supplies.has(file)) continue;
      // If the connection is lost, the watch fails, too.
      const send = (answer: FilesRequest & { do: 'supply' | 'refuse' }): void =>
        void this.#request(answer).catch(() => undefined);
      const supply = new DaemonCopy({
        ...{ path, folder },
        onCopied: (upload) => send({ do: 'supply', file, upload }),
        onFailed: (error) => send({ do: 'refuse', file, error: error.toWire() }),
      });
      supplies.set(file, supply);
    }
  }

  #request<Do extends FilesResult['do']>(
    request: FilesRequest & { do: Do },
  ): Promise<Extract<FilesResult, { do: Do }>> {
    return new Promise((resolve, reject) => {
      const { id, channel } = this.#openChannel({
        receive: (message) => {
          channel.close();
          if (message.type === 'files-done' && isAnswer(message.result, request.do)) resolve(message.result);
          else reject(errorOf(message, '`files`'));
        },
        lost: reject,
      });
      channel.send({ type: 'files', id, request });
    });
  }
}

/** How many paths fit into one request; at least one. */
function countOf(paths: readonly string[]): number {
  let length = 0;
  const tooLong = paths.findIndex((path) => (length += path.length) > FILE_LIMITS.pathsLength);
  const fitting = tooLong < 0 ? paths.length : Math.max(1, tooLong);
  return Math.min(fitting, FILE_LIMITS.perRequest);
}

function isAnswer<Do extends FilesResult['do']>(
  result: FilesResult,
  requested: Do,
): result is Extract<FilesResult, { do: Do }> {
  return result.do === requested;
}
