/**
 * The daemon's own file queue: jobs take turns with all other clients' jobs, continue when their client
 * disconnects, and keep the text until a client reads it. Does not know about sockets.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import {
  FILE_LIMITS,
  type FileJob,
  type FilesEvent,
  type FilesRequest,
  type FilesResult,
} from '../../protocol/files.js';
import type { Segment } from '../../protocol/transcription.js';
import type { JobScheduler } from '../jobs/job-scheduler.js';
import { FileFeed } from './file-feed.js';
import { QueuedFile, type Change } from './queued-file.js';
import { defined } from '../../protocol/defined.js';

interface FileQueueOptions {
  readonly sessions: JobScheduler;
  readonly clock: Clock;
  /** Called when the last finished text was read, and when the first unread one appears. */
  readonly onIdleChange?: (idle: boolean) => void;
}

type QueueRequest = Exclude<FilesRequest, { do: 'watch' }>;

export class FileQueue {
  readonly #options: FileQueueOptions;
  /** In the order of arrival. */
  readonly #files = new Map<string, QueuedFile>();
  readonly #feeds = new Set<FileFeed>();
  #wasIdle = true;

  constructor(options: FileQueueOptions) {
    this.#options = options;
  }

  /** Whether every finished text was read: an unread one is lost when the daemon exits. */
  get isIdle(): boolean {
    return ![...this.#files.values()].some(({ isUnread }) => isUnread);
  }

  /** @throws SottoError BUSY, INVALID_ARGUMENT (unknown file) */
  handle(request: QueueRequest): FilesResult {
    switch (request.do) {
      case 'add':
        return { do: 'add', files: this.#add(request) };
      case 'get':
        return this.#get(request);
      case 'supply': {
        const job = this.#files.get(request.file)?.job;
        if (job !== undefined) this.#options.sessions.supply(job, request.upload);
        return { do: 'supply' };
      }
      case 'refuse': {
        const job = this.#files.get(request.file)?.job;
        if (job !== undefined) this.#options.sessions.refuse(job, SottoError.fromWire(request.error));
        return { do: 'refuse' };
      }
      case 'cancel':
        for (const id of request.files) this.#cancel(this.#files.get(id));
        return { do: 'cancel' };
      case 'forget':
        for (const id of request.files) {
          this.#cancel(this.#files.get(id));
          this.#files.delete(id);
        }
        this.#changed(undefined, 'state');
        return { do: 'forget' };
    }
  }

  /** Sends all files, and each change to them, until closed. */
  watch(send: (event: FilesEvent) => boolean): { close(): void } {
    const feed = new FileFeed(() => [...this.#files.values()], this.#options.clock, send);
    this.#feeds.add(feed);
    return {
      close: () => {
        feed.close();
        this.#feeds.delete(feed);
      },
    };
  }

  #add({ paths, model, options, supplies }: Extract<QueueRequest, { do: 'add' }>): FileJob[] {
    const open = [...this.#files.values()].filter(({ isOver }) => !isOver).length;
    if (open + paths.length > FILE_LIMITS.open)
      throw new SottoError('BUSY', `${open} files are already queued`);
    const now = Date.now();
    const added = paths.map((path) => {
      const queued = new QueuedFile(randomUUID(), path, now);
      this.#files.set(queued.facts.id, queued);
      const request = {
        path,
        ...defined({ model, options, supplies }),
      };
      queued.begin(() =>
        this.#options.sessions.submit(this, request, (notice) => this.#changed(queued, queued.apply(notice))),
      );
      return queued;
    });
    this.#forgetOld();
    this.#changed(undefined, 'state');
    return added.map(({ facts }) => facts);
  }

  #get({ file, from }: Extract<QueueRequest, { do: 'get' }>): FilesResult {
    const queued = this.#files.get(file);
    if (queued === undefined) {
      throw new SottoError('INVALID_ARGUMENT', 'this file is no longer in the list', {
        hint: 'transcribe it again: texts are kept until Sotto restarts',
      });
    }
    const segments = partOf(queued.segments, from);
    const next = from + segments.length;
    const isComplete = next >= queued.segments.length;
    if (isComplete && queued.isUnread) {
      queued.read();
      this.#notifyIdle();
    }
    return { do: 'get', file: queued.facts, segments, ...(!isComplete && { next }) };
  }

  #cancel(queued: QueuedFile | undefined): void {
    if (queued?.job !== undefined) this.#options.sessions.cancel(queued.job);
  }

  #changed(queued: QueuedFile | undefined, change: Change): void {
    for (const feed of this.#feeds) feed.changed(queued, change);
    if (change === 'state') this.#notifyIdle();
  }

  #notifyIdle(): void {
    if (this.isIdle === this.#wasIdle) return;
    this.#wasIdle = !this.#wasIdle;
    this.#options.onIdleChange?.(this.#wasIdle);
  }

  /** The oldest finished files. */
  #forgetOld(): void {
    const over = [...this.#files.values()].filter(({ isOver }) => isOver);
    for (const { facts } of over.slice(0, -FILE_LIMITS.kept)) this.#files.delete(facts.id);
  }
}

/** At least one segment, then as many as one response should hold. */
function partOf(segments: readonly Segment[], from: number): Segment[] {
  const part: Segment[] = [];
  let length = 0;
  for (const segment of segments.slice(from)) {
    length += JSON.stringify(segment).length;
    if (part.length > 0 && length > FILE_LIMITS.partLength) break;
    part.push(segment);
  }
  return part;
}
