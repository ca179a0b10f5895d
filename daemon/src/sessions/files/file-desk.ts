/**
 * Files that belong to no client: they are transcribed in turn with everybody's, go on when whoever handed them in has
 * left, and wait with their text until somebody comes back. Knows no sockets.
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
import type { Sessions } from '../sessions.js';
import { FileFeed } from './file-feed.js';
import { FileWork, type Change } from './file-work.js';
import { defined } from '../../protocol/defined.js';

export interface FileDeskOptions {
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Told when the last text was read, or the first one came that was not. */
  readonly onIdleChange?: (idle: boolean) => void;
}

type Asked = Exclude<FilesRequest, { do: 'watch' }>;

export class FileDesk {
  readonly #options: FileDeskOptions;
  /** In the order in which they came. */
  readonly #works = new Map<string, FileWork>();
  readonly #feeds = new Set<FileFeed>();
  #wasIdle = true;

  constructor(options: FileDeskOptions) {
    this.#options = options;
  }

  /** Whether no text waits for somebody to read it: it would be gone with the daemon. */
  get idle(): boolean {
    return ![...this.#works.values()].some(({ isUnread }) => isUnread);
  }

  /** @throws SottoError BUSY, INVALID_ARGUMENT (no such file) */
  ask(request: Asked): FilesResult {
    switch (request.do) {
      case 'add':
        return { do: 'add', files: this.#add(request) };
      case 'get':
        return this.#get(request);
      case 'supply': {
        const job = this.#works.get(request.file)?.job;
        if (job !== undefined) this.#options.sessions.supply(job, request.upload);
        return { do: 'supply' };
      }
      case 'refuse': {
        const job = this.#works.get(request.file)?.job;
        if (job !== undefined) this.#options.sessions.refuse(job, SottoError.fromWire(request.error));
        return { do: 'refuse' };
      }
      case 'cancel':
        for (const id of request.files) this.#cancel(this.#works.get(id));
        return { do: 'cancel' };
      case 'forget':
        for (const id of request.files) {
          this.#cancel(this.#works.get(id));
          this.#works.delete(id);
        }
        this.#changed(undefined, 'moved');
        return { do: 'forget' };
    }
  }

  /** Tells of all files, at each change, until it is closed. */
  watch(send: (event: FilesEvent) => boolean): { close(): void } {
    const feed = new FileFeed(() => [...this.#works.values()], this.#options.clock, send);
    this.#feeds.add(feed);
    return {
      close: () => {
        feed.close();
        this.#feeds.delete(feed);
      },
    };
  }

  #add({ paths, model, options, supplies }: Extract<Asked, { do: 'add' }>): FileJob[] {
    const open = [...this.#works.values()].filter(({ isOver }) => !isOver).length;
    if (open + paths.length > FILE_LIMITS.open)
      throw new SottoError('BUSY', `${open} files are waiting already`);
    const now = Date.now();
    const added = paths.map((path) => {
      const work = new FileWork(randomUUID(), path, now);
      this.#works.set(work.facts.id, work);
      const request = {
        path,
        ...defined({ model, options, supplies }),
      };
      work.begin(() =>
        this.#options.sessions.submit(this, request, (notice) => this.#changed(work, work.hear(notice))),
      );
      return work;
    });
    this.#forgetOld();
    this.#changed(undefined, 'moved');
    return added.map(({ facts }) => facts);
  }

  #get({ file, from }: Extract<Asked, { do: 'get' }>): FilesResult {
    const work = this.#works.get(file);
    if (work === undefined) {
      throw new SottoError('INVALID_ARGUMENT', 'Sotto has no such file any more', {
        hint: 'transcribe it again: texts are kept until Sotto is restarted',
      });
    }
    const segments = partOf(work.segments, from);
    const next = from + segments.length;
    const isWhole = next >= work.segments.length;
    if (isWhole && work.isUnread) {
      work.read();
      this.#tellIdle();
    }
    return { do: 'get', file: work.facts, segments, ...(!isWhole && { next }) };
  }

  #cancel(work: FileWork | undefined): void {
    if (work?.job !== undefined) this.#options.sessions.cancel(work.job);
  }

  #changed(work: FileWork | undefined, change: Change): void {
    for (const feed of this.#feeds) feed.changed(work, change);
    if (change === 'moved') this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.idle === this.#wasIdle) return;
    this.#wasIdle = !this.#wasIdle;
    this.#options.onIdleChange?.(this.#wasIdle);
  }

  /** The oldest of those that are over. */
  #forgetOld(): void {
    const over = [...this.#works.values()].filter(({ isOver }) => isOver);
    for (const { facts } of over.slice(0, -FILE_LIMITS.kept)) this.#works.delete(facts.id);
  }
}

/** One at least, and then as many as an answer should hold. */
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
