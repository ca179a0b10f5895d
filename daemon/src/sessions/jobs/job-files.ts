/**
 * The files of jobs that are not over: which can be opened, and which wait for permission or for a copy that the client
 * writes. A job whose file can't be opened stands aside, and the engine does the others.
 */
import type { Clock, Timer } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import type { FileAccess, FileAnswer } from '../../supervisor/file-access.js';
import type { Readiness } from './fair-queue.js';
import type { Job } from './job.js';

/** A job whose file has not opened after this fails: the user does not answer the prompt of macOS. */
export const FILE_OPEN_TIMEOUT_MS = 10 * 60_000;

/** A copy of a file, kept while its job is not over. */
interface Copy {
  readonly path: string;
  discard(): Promise<void>;
}

interface Entry {
  readiness: Readiness;
  /** What the engine reads in place of the user's file. */
  copy?: Copy;
  endCheck: () => void;
  stopLimit?: Timer;
}

interface JobFilesOptions {
  /** Every file counts as one that can be opened, where this is left out. */
  readonly access: FileAccess | undefined;
  readonly clock: Clock;
  /** A job can run now, or stands aside now. */
  readonly onChange: () => void;
  readonly onFailed: (job: Job, error: SottoError) => void;
}

export class JobFiles {
  readonly #options: JobFilesOptions;
  readonly #entries = new Map<Job, Entry>();

  constructor(options: JobFilesOptions) {
    this.#options = options;
  }

  /** Finds out whether the file of a new job can be opened. */
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

  /** What the engine is to read. */
  pathOf(job: Job): string {
    return this.#entries.get(job)?.copy?.path ?? job.request.path;
  }

  /** The same error about the user's file where it names the copy. */
  aboutFile(job: Job, error: SottoError): SottoError {
    const copy = this.#entries.get(job)?.copy?.path;
    if (copy === undefined || !error.message.includes(copy)) return error;
    const { code, hint, retryable } = error;
    return new SottoError(code, error.message.replaceAll(copy, job.request.path), {
      ...{ hint, retryable, cause: error },
    });
  }

  /**
   * The client has written a copy; one that came too late is removed.
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

  /** The job is over, or will never run. */
  remove(job: Job): void {
    const entry = this.#entries.get(job);
    if (entry === undefined) return;
    this.#entries.delete(job);
    entry.endCheck();
    entry.stopLimit?.cancel();
    void entry.copy?.discard();
  }

  #answered(job: Job, entry: Entry, answer: FileAnswer): void {
    const canSupply = job.request.supplies === true;
    // The engine tells a client that can't help why the file is refused.
    if (answer === 'open' || (answer === 'denied' && !canSupply)) {
      this.#ready(entry);
      return;
    }
    if (canSupply) job.waitingForFile(answer);
    if (entry.readiness === 'wait')
      entry.stopLimit = this.#options.clock.after(FILE_OPEN_TIMEOUT_MS, () =>
        this.#options.onFailed(job, openTimeoutError(job.request.path)),
      );
    entry.readiness = 'skip';
    this.#options.onChange();
  }

  #ready(entry: Entry): void {
    entry.readiness = 'ready';
    entry.endCheck();
    entry.stopLimit?.cancel();
    this.#options.onChange();
  }
}

function openTimeoutError(path: string): SottoError {
  return new SottoError('AUDIO_UNREADABLE', `${JSON.stringify(path)} did not open within 10 minutes`, {
    hint: 'on macOS, allow Node in Privacy & Security; otherwise check the disk',
  });
}
