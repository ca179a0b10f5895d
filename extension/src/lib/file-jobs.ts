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

export interface JobsSeen {
  /** As they came, but those that came last stand first. */
  readonly files: readonly FileJob[];
  /** The whole texts, by the files’ ids, as far as they are read. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface HowToTranscribe {
  readonly language: string | undefined;
  readonly model: string | undefined;
}

export class FileJobs {
  readonly #connect: () => Promise<SottoClient>;
  readonly #usual: HowToTranscribe;
  readonly #show: (seen: JobsSeen) => void;
  readonly #texts = new Map<string, string>();
  /** Of a daemon that has ended: what was done, and what is to be begun again. */
  readonly #past = new Map<string, FileJob>();
  /** How the files that this view has handed in are to be transcribed, by their ids. */
  readonly #how = new Map<string, HowToTranscribe>();
  /** Paths of files that a daemon has ended with. */
  readonly #restartedPaths = new Set<string>();
  #now: readonly FileJob[] = [];
  #client = pending<SottoClient>();
  #isReading = false;
  #isLeft = false;

  /** @param usual how files of other views are begun again */
  constructor(connect: () => Promise<SottoClient>, usual: HowToTranscribe, show: (seen: JobsSeen) => void) {
    this.#connect = connect;
    this.#usual = usual;
    this.#show = show;
  }

  /**
   * Follows the files until `leave`. `onFirst` is told once what there is.
   * @throws SottoError DAEMON_UNAVAILABLE and others, if there is no daemon to be had
   */
  async follow(onFirst: (files: readonly FileJob[]) => Promise<void>): Promise<void> {
    let isFirst = true;
    for (let tries = 1; !this.#isLeft; tries++) {
      const client = await this.#connected();
      if (this.#isLeft) return client.close();
      try {
        await this.#restartLostFiles();
        for await (const files of client.files.watch()) {
          if (this.#isLeft) return;
          tries = 1;
          this.#now = files;
          this.#notify();
          if (isFirst) {
            isFirst = false;
            await onFirst(files);
          }
        }
      } catch (thrown) {
        const error = SottoError.from(thrown);
        if (this.#isLeft) return;
        if (error.code !== 'DAEMON_LOST' || tries >= MAX_ATTEMPTS) throw error;
        this.#client = pending();
        this.#keepOf(error);
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_DELAY_MS));
      }
    }
  }

  leave(): void {
    this.#isLeft = true;
    this.#client.promise.then(
      (client) => client.close(),
      () => undefined,
    );
  }

  async add(paths: readonly string[], how: HowToTranscribe): Promise<void> {
    const { language, model } = how;
    const { files } = await this.#client.promise;
    const added = await files.add(paths, {
      options: language === undefined ? {} : { language },
      ...defined({ model }),
    });
    for (const { id } of added) this.#how.set(id, how);
  }

  async cancel(ids: readonly string[]): Promise<void> {
    const { files } = await this.#client.promise;
    await files.cancel(ids);
  }

  /** Takes them out of the list, and their texts with them. */
  async forget(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#past.delete(id);
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
    const files = latestFirst([...this.#past.values(), ...this.#now]);
    this.#show({ files, texts: new Map(this.#texts) });
    void this.#readTexts();
  }

  /** One after another. */
  async #readTexts(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      for (let file = this.#unread(); file !== undefined && !this.#isLeft; file = this.#unread()) {
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
    return this.#now.find((file) => isFileOver(file) && !this.#texts.has(file.id));
  }

  /** The next daemon knows nothing of them. What two daemons have ended with may be what ends them. */
  #keepOf(error: SottoError): void {
    for (const file of this.#now) {
      const isToEnd = this.#restartedPaths.has(file.path);
      const left = isFileOver(file) ? file : isToEnd ? brokenOff(file, error) : inWait(file);
      this.#past.set(file.id, left);
    }
    this.#now = [];
    this.#notify();
  }

  async #restartLostFiles(): Promise<void> {
    const open = [...this.#past.values()].filter((file) => !isFileOver(file));
    const byHow = new Map<HowToTranscribe, FileJob[]>();
    for (const file of open) {
      const how = this.#how.get(file.id) ?? this.#usual;
      byHow.set(how, [...(byHow.get(how) ?? []), file]);
    }
    for (const [how, files] of byHow) {
      const paths = files.map(({ path }) => path);
      await this.add(paths, how);
      for (const { id, path } of files) {
        this.#restartedPaths.add(path);
        this.#past.delete(id);
      }
    }
  }
}

function inWait({ id, path, addedMs }: FileJob): FileJob {
  return { id, path, addedMs, state: 'queued', doneSeconds: 0 };
}

function brokenOff(file: FileJob, error: SottoError): FileJob {
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
function latestFirst(files: readonly FileJob[]): FileJob[] {
  return [...files].sort((one, other) => other.addedMs - one.addedMs);
}

/** Those that are not in the list already, as they lie there now: whoever opens the list again means to see them. */
export function newOnes(paths: readonly string[], files: readonly FileJob[]): string[] {
  const known = files.filter(({ state }) => state !== 'failed' && state !== 'cancelled');
  return paths.filter((path) => {
    const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    return !known.some((file) => file.path === path && changedMs <= file.addedMs);
  });
}

interface Pending<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (why: unknown) => void;
}

function pending<T>(): Pending<T> {
  let resolve: Pending<T>['resolve'] = () => undefined;
  let reject: Pending<T>['reject'] = () => undefined;
  const promise = new Promise<T>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  // Nobody need be waiting.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
