/**
 * Follows the daemon's file queue for a view, across reconnects. The daemon keeps the queue after the view closes; if the
 * daemon itself exits, this keeps its files while the view is open, and queues them again.
 */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  fullText,
  isFileOver,
  SottoError,
  type FileJob,
  type FileText,
  type SottoClient,
} from 'sotto/client';
import { defined } from 'sotto/protocol';

const RECONNECT_DELAY_MS = 500;
/** In a row, without a message from the daemon. */
const MAX_ATTEMPTS = 5;

export interface JobsSnapshot {
  /** The most recently added first; files added together keep their order. */
  readonly files: readonly FileJob[];
  /** Full texts read so far, by file id. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface FileJobOptions {
  readonly language: string | undefined;
  readonly model: string | undefined;
}

export class FileJobs {
  readonly #connect: () => Promise<SottoClient>;
  readonly #defaults: FileJobOptions;
  readonly #show: (snapshot: JobsSnapshot) => void;
  readonly #texts = new Map<string, string>();
  /** Files of a daemon that exited: finished ones, and those to queue again. */
  readonly #lost = new Map<string, FileJob>();
  /** Options of the files that this view added, by id. */
  readonly #options = new Map<string, FileJobOptions>();
  /** Paths of files that were unfinished when a daemon exited. */
  readonly #restartedPaths = new Set<string>();
  #current: readonly FileJob[] = [];
  #client = deferred<SottoClient>();
  #isReading = false;
  #isClosed = false;

  /** @param defaults options for queuing again files that another view added */
  constructor(
    connect: () => Promise<SottoClient>,
    defaults: FileJobOptions,
    show: (snapshot: JobsSnapshot) => void,
  ) {
    this.#connect = connect;
    this.#defaults = defaults;
    this.#show = show;
  }

  /**
   * Follows the files until `close`. Calls `onFirstList` once.
   * @throws SottoError DAEMON_UNAVAILABLE and others if no daemon can be reached
   */
  async follow(onFirstList: (files: readonly FileJob[]) => Promise<void>): Promise<void> {
    let isFirst = true;
    for (let tries = 1; !this.#isClosed; tries++) {
      const client = await this.#connected();
      if (this.#isClosed) return client.close();
      try {
        await this.#restartLostFiles();
        for await (const files of client.files.watch()) {
          if (this.#isClosed) return;
          tries = 1;
          this.#current = files;
          this.#notify();
          if (isFirst) {
            isFirst = false;
            await onFirstList(files);
          }
        }
      } catch (thrown) {
        const error = SottoError.from(thrown);
        if (this.#isClosed) return;
        if (error.code !== 'DAEMON_LOST' || tries >= MAX_ATTEMPTS) throw error;
        this.#client = deferred();
        this.#keepAfterLoss(error);
        await sleep(RECONNECT_DELAY_MS);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#client.promise.then(
      (client) => client.close(),
      () => undefined,
    );
  }

  async add(paths: readonly string[], options: FileJobOptions): Promise<void> {
    const { language, model } = options;
    const { files } = await this.#client.promise;
    const added = await files.add(paths, {
      options: language === undefined ? {} : { language },
      ...defined({ model }),
    });
    for (const { id } of added) this.#options.set(id, options);
  }

  async cancel(ids: readonly string[]): Promise<void> {
    const { files } = await this.#client.promise;
    await files.cancel(ids);
  }

  /** Removes files and their texts from the list. */
  async forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#lost.delete(id);
      this.#texts.delete(id);
    }
    this.#notify();
    const { files } = await this.#client.promise;
    await files.forget(ids);
  }

  /** The text with segment times. @throws SottoError */
  async read(id: string): Promise<FileText> {
    const { files } = await this.#client.promise;
    return files.get(id);
  }

  /** Calls made before this wait for `#client`. */
  async #connected(): Promise<SottoClient> {
    try {
      const client = await this.#connect();
      this.#client.resolve(client);
      return client;
    } catch (thrown) {
      this.#client.reject(thrown);
      throw thrown;
    }
  }

  #notify(): void {
    const files = newestFirst([...this.#lost.values(), ...this.#current]);
    this.#show({ files, texts: new Map(this.#texts) });
    void this.#readTexts();
  }

  async #readTexts(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      for (let file = this.#unread(); file !== undefined && !this.#isClosed; file = this.#unread()) {
        const { segments } = await this.read(file.id);
        this.#texts.set(file.id, fullText(segments));
        this.#notify();
      }
    } catch {
      // The daemon exited, or the file was removed from the list.
    } finally {
      this.#isReading = false;
    }
  }

  #unread(): FileJob | undefined {
    return this.#current.find((file) => isFileOver(file) && !this.#texts.has(file.id));
  }

  /** A file that was unfinished when two daemons exited fails: it may be the cause. */
  #keepAfterLoss(error: SottoError): void {
    for (const file of this.#current) {
      const wasRestarted = this.#restartedPaths.has(file.path);
      const kept = isFileOver(file) ? file : wasRestarted ? asFailed(file, error) : asQueued(file);
      this.#lost.set(file.id, kept);
    }
    this.#current = [];
    this.#notify();
  }

  async #restartLostFiles(): Promise<void> {
    const open = [...this.#lost.values()].filter((file) => !isFileOver(file));
    const byOptions = new Map<FileJobOptions, FileJob[]>();
    for (const file of open) {
      const options = this.#options.get(file.id) ?? this.#defaults;
      byOptions.set(options, [...(byOptions.get(options) ?? []), file]);
    }
    for (const [options, files] of byOptions) {
      const paths = files.map(({ path }) => path);
      await this.add(paths, options);
      for (const { id, path } of files) {
        this.#restartedPaths.add(path);
        this.#lost.delete(id);
      }
    }
  }
}

function asQueued({ id, path, addedMs }: FileJob): FileJob {
  return { id, path, addedMs, state: 'queued', doneSeconds: 0 };
}

function asFailed(file: FileJob, error: SottoError): FileJob {
  const { id, path, addedMs, doneSeconds } = file;
  return {
    ...{ id, path, addedMs, doneSeconds, state: 'failed' },
    error: {
      ...error.toWire(),
      message: 'Sotto stopped during this file',
      hint: 'transcribe it again',
    },
  };
}

/** A stable sort: files added together stay in the order of selection. */
function newestFirst(files: readonly FileJob[]): FileJob[] {
  return [...files].sort((one, other) => other.addedMs - one.addedMs);
}

/** Leaves out files that are in the list and have not changed since: reopening the list must not transcribe them again. */
export function newPaths(paths: readonly string[], files: readonly FileJob[]): string[] {
  const known = files.filter(({ state }) => state !== 'failed' && state !== 'cancelled');
  return paths.filter((path) => {
    const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    return !known.some((file) => file.path === path && changedMs <= file.addedMs);
  });
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (why: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] = () => undefined;
  let reject: Deferred<T>['reject'] = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // A rejection without a waiting caller is no error.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
