/**
 * The files that the daemon is at, as a view follows them: over lost connections, too. The daemon keeps them when the view is
 * gone; what it can't keep, because it has ended itself, is kept here for as long as the view is open.
 */
import { statSync } from 'node:fs';
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
/** Of times in a row without a word of the daemon. */
const MAX_ATTEMPTS = 5;

export interface JobsSnapshot {
  /** As they came, but those that came last stand first. */
  readonly files: readonly FileJob[];
  /** The whole texts, by the files’ ids, as far as they are read. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface FileJobOptions {
  readonly language: string | undefined;
  readonly model: string | undefined;
}

export class FileJobs {
  readonly #connect: () => Promise<SottoClient>;
  readonly #defaults: FileJobOptions;
  readonly #show: (seen: JobsSnapshot) => void;
  readonly #texts = new Map<string, string>();
  /** Of a daemon that has ended: what was done, and what is to be begun again. */
  readonly #lost = new Map<string, FileJob>();
  /** How the files that this view has handed in are to be transcribed, by their ids. */
  readonly #options = new Map<string, FileJobOptions>();
  /** Paths of files that a daemon has ended with. */
  readonly #restartedPaths = new Set<string>();
  #current: readonly FileJob[] = [];
  #client = deferred<SottoClient>();
  #isReading = false;
  #isClosed = false;

  /** @param usual how files of other views are begun again */
  constructor(
    connect: () => Promise<SottoClient>,
    defaults: FileJobOptions,
    show: (seen: JobsSnapshot) => void,
  ) {
    this.#connect = connect;
    this.#defaults = defaults;
    this.#show = show;
  }

  /**
   * Follows the files until `leave`. `onFirstList` is told once what there is.
   * @throws SottoError DAEMON_UNAVAILABLE and others, if there is no daemon to be had
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
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_DELAY_MS));
      }
    }
  }

  leave(): void {
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

  /** Takes them out of the list, and their texts with them. */
  async forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#lost.delete(id);
      this.#texts.delete(id);
    }
    this.#notify();
    const { files } = await this.#client.promise;
    await files.forget(ids);
  }

  /** With the times of its segments. @throws SottoError */
  async read(id: string): Promise<FileText> {
    const { files } = await this.#client.promise;
    return files.get(id);
  }

  /** Whoever asks for something meanwhile waits for it. */
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

  /** One after another. */
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
      // Gone meanwhile: with the daemon, or because it was forgotten.
    } finally {
      this.#isReading = false;
    }
  }

  #unread(): FileJob | undefined {
    return this.#current.find((file) => isFileOver(file) && !this.#texts.has(file.id));
  }

  /** The next daemon knows nothing of them. What two daemons have ended with may be what ends them. */
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
      message: 'Sotto’s daemon has ended meanwhile',
      hint: 'transcribe it again',
    },
  };
}

/** What came together stays in its order: so it is done, and so it was selected. */
function newestFirst(files: readonly FileJob[]): FileJob[] {
  return [...files].sort((one, other) => other.addedMs - one.addedMs);
}

/** Those that are not in the list already, as they lie there now: whoever opens the list again means to see them. */
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
  // Nobody need be waiting.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
