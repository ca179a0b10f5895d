/**
 * The files of unfinished jobs: which of them can be opened, and which wait for permission or for a copy from the
 * client. A job whose file can't be opened is skipped, and the engine does the others.
 */
import type { Clock, Timer } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import type { FileAccess, FileAnswer } from '../../supervisor/file-access.js';
import type { Readiness } from './fair-queue.js';

/** What needs a file: a job, or a conversation for each of its files. */
interface FileUser {
  readonly request: {
    /** Absolute path. */
    readonly path: string;
    readonly supplies?: boolean;
    readonly isUpload?: boolean;
  };
  /** The daemon can't open the file (yet). */
  waitingForFile(why: 'denied' | 'slow'): void;
}

/** A job fails if its file has not opened by then: the user is not answering the macOS prompt. */
export const FILE_OPEN_TIMEOUT_MS = 10 * 60_000;

/** A copy of a file, kept until its job ends. */
interface Copy {
  readonly path: string;
  discard(): Promise<void>;
}

interface Entry {
  readiness: Readiness;
  /** The path that the engine reads instead of the user's file. */
  copy?: Copy;
  endCheck: () => void;
  cancelTimeout?: Timer;
}

interface JobFilesOptions<Job> {
  /** If undefined, every file counts as readable. */
  readonly access: FileAccess | undefined;
  readonly clock: Clock;
  /** A job became ready, or is skipped from now on. */
  readonly onChange: () => void;
  readonly onFailed: (job: Job, error: SottoError) => void;
}

export class JobFiles<Job extends FileUser> {
  readonly #options: JobFilesOptions<Job>;
  readonly #entries = new Map<Job, Entry>();

  constructor(options: JobFilesOptions<Job>) {
    this.#options = options;
  }

  /** Starts checking whether the file of a new job can be opened. */
  add(job: Job): void {
    const { access } = this.#options;
    if (access === undefined || job.request.isUpload === true) return;
    const entry: Entry = { readiness: 'wait', endCheck: () => undefined };
    this.#entries.set(job, entry);
    entry.endCheck = access.check(job.request.path, (answer) => this.#answered(job, entry, answer));
  }

  readiness(job: Job): Readiness {
    return this.#entries.get(job)?.readiness ?? 'ready';
  }

  /** The path that the engine reads. */
  pathOf(job: Job): string {
    return this.#entries.get(job)?.copy?.path ?? job.request.path;
  }

  /** Names the user's file in an error about its copy. */
  aboutFile(job: Job, error: SottoError): SottoError {
    const copy = this.#entries.get(job)?.copy?.path;
    if (copy === undefined || !error.message.includes(copy)) return error;
    const { code, hint, retryable } = error;
    return new SottoError(code, error.message.replaceAll(copy, job.request.path), {
      ...{ hint, retryable, cause: error },
    });
  }

  /**
   * Takes over the copy that the client wrote; a copy that came too late is removed.
   * @throws SottoError INVALID_ARGUMENT: there is no such copy
   */
  supply(job: Job, name: string): void {
    const copy = this.#options.access?.adopt(name);
    if (copy === undefined) return;
    const entry = this.#entries.get(job);
    if (entry?.readiness !== 'skip') {
      void copy.discard();
      return;
    }
    entry.copy = copy;
    this.#ready(entry);
  }

  /** Forgets a job that has ended or will never run. */
  remove(job: Job): void {
    const entry = this.#entries.get(job);
    if (entry === undefined) return;
    this.#entries.delete(job);
    entry.endCheck();
    entry.cancelTimeout?.cancel();
    void entry.copy?.discard();
  }

  #answered(job: Job, entry: Entry, answer: FileAnswer): void {
    const canSupply = job.request.supplies === true;
    // If the client can't supply a copy, the engine opens the file and reports the error.
    if (answer === 'open' || (answer === 'denied' && !canSupply)) {
      this.#ready(entry);
      return;
    }
    if (canSupply) job.waitingForFile(answer);
    if (entry.readiness === 'wait')
      entry.cancelTimeout = this.#options.clock.after(FILE_OPEN_TIMEOUT_MS, () =>
        this.#options.onFailed(job, openTimeoutError(job.request.path)),
      );
    entry.readiness = 'skip';
    this.#options.onChange();
  }

  #ready(entry: Entry): void {
    entry.readiness = 'ready';
    entry.endCheck();
    entry.cancelTimeout?.cancel();
    this.#options.onChange();
  }
}

function openTimeoutError(path: string): SottoError {
  return new SottoError('AUDIO_UNREADABLE', `${JSON.stringify(path)} did not open within 10 minutes`, {
    hint: 'on macOS, allow Node in Privacy & Security; otherwise check the disk',
  });
}
