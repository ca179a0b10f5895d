/**
 * Schedules the jobs of all clients on one engine: a bounded fair queue, one job in the engine, and a second
 * attempt for a job whose engine died. Does not know about sockets or processes.
 */
import type { Clock } from '../../clock.js';
import type { Logger } from '../../logger.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import type { FileWork, ModelRef } from '../../protocol/ipc.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import type { JobCounts } from '../../protocol/status.js';
import type { Engine, JobReport, RunningJob } from '../../supervisor/engine.js';
import type { FileAccess } from '../../supervisor/file-access.js';
import type { ModelAccess } from '../../supervisor/model-access.js';
import { FairQueue, type Readiness } from './fair-queue.js';
import { JobFiles } from './job-files.js';
import { JobModels } from './job-models.js';
import {
  Job,
  type EncodeNotice,
  type EncodeRequest,
  type FileRequest,
  type JobNotice,
  type JobRequest,
} from './job.js';
import { applyReplacementsToEvent } from '../vocabulary/apply-replacements.js';
import { hotwordsFor, NO_VOCABULARY, type ActiveVocabulary } from '../vocabulary/active-vocabulary.js';

/** Limit over all clients. Failing with BUSY at once is better than hours in the queue. */
const MAX_QUEUED = 1_024;
/** A job that crashed two engines does not get a third one. */
const MAX_ATTEMPTS = 2;

/** What a model must be able to do for the work on a file. */
const TASKS: Readonly<Record<FileWork['task'], ModelTask>> = { transcribe: 'transcribe', encode: 'codec' };

interface JobSchedulerOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  /** Finds a model by name or directory (the chosen one of the task without a name), or throws a `SottoError`. */
  readonly resolveModel: (model: string | undefined, task: ModelTask) => ModelRef;
  /** The user's vocabulary; none if omitted. */
  readonly vocabulary?: Pick<ActiveVocabulary, 'current'>;
  /** Checks which files can be opened; if omitted, all count as readable. */
  readonly access?: FileAccess;
  /** Checks which model directories can be opened; if omitted, all count as readable. */
  readonly modelAccess?: ModelAccess;
  readonly maxQueued?: number;
  /** Called when the last job ends and when the first one arrives. */
  readonly onIdleChange?: (idle: boolean) => void;
}

/** Identity of a client; its jobs run in order, and clients take turns. */
export type Client = object;

export class JobScheduler {
  readonly #options: JobSchedulerOptions;
  readonly #queue = new FairQueue<Client, Job>();
  readonly #clients = new Map<Job, Client>();
  readonly #files: JobFiles<Job>;
  readonly #models: JobModels;
  readonly #counts = { final: 0, cancelled: 0, failed: 0 };
  #audioSeconds = 0;
  /** The file that the engine was told to prefetch. */
  #prefetched: string | undefined;
  #running: { job: Job; handle: RunningJob } | undefined;
  #nextNumber = 1;
  #stopping = false;
  #whenFree: (() => void) | undefined;

  constructor(options: JobSchedulerOptions) {
    this.#options = options;
    this.#files = new JobFiles({
      access: options.access,
      clock: options.clock,
      onChange: () => this.#advance(),
      onFailed: (job, error) => this.#failQueued(job, error),
    });
    this.#models = new JobModels({
      access: options.modelAccess,
      onChange: () => this.#advance(),
      onFailed: (job, error) => this.#failQueued(job, error),
    });
  }

  /** No job is running or queued. */
  get isIdle(): boolean {
    return this.#running === undefined && this.#queue.size === 0;
  }

  /** Total audio of the transcribed files. */
  get audioSeconds(): number {
    return this.#audioSeconds;
  }

  queueStatus(): JobCounts {
    return { running: this.#running === undefined ? 0 : 1, queued: this.#queue.size, ...this.#counts };
  }

  /**
   * Queues a job. `notify` is called only after this has returned.
   * @throws SottoError BUSY, DAEMON_UNAVAILABLE (stopping), or what `resolveModel` throws
   */
  submit(client: Client, request: JobRequest, notify: (notice: JobNotice) => void): Job {
    const { words, replacer } = (this.#options.vocabulary ?? NO_VOCABULARY).current();
    const { alignModel, ...options } = request.options ?? {};
    const usesVocabulary = options.vocabulary !== false;
    const aligner = alignModel === undefined ? undefined : this.#alignerOf(alignModel);
    const work: FileWork = {
      task: 'transcribe',
      options: { ...options, ...hotwordsFor(options, words) },
      ...defined({ aligner }),
    };
    return this.#submit(client, request, work, (notice) => {
      if (notice.type === 'codes' || notice.type === 'encoded') return;
      notify(
        notice.type === 'event' && usesVocabulary
          ? { ...notice, event: applyReplacementsToEvent(replacer, notice.event) }
          : notice,
      );
    });
  }

  /**
   * Queues a file to be encoded by a codec. `notify` is called only after this has returned.
   * @throws SottoError as `submit`
   */
  encode(client: Client, request: EncodeRequest, notify: (notice: EncodeNotice) => void): Job {
    const { options = {} } = request;
    return this.#submit(client, request, { task: 'encode', options }, (notice) => {
      if (notice.type !== 'event' && notice.type !== 'final') notify(notice);
    });
  }

  #alignerOf(name: string): ModelRef {
    try {
      return this.#options.resolveModel(name, 'transcribe');
    } catch (thrown) {
      throw SottoError.from(thrown).withParam('alignModel');
    }
  }

  #submit(
    client: Client,
    request: FileRequest,
    work: FileWork,
    notify: (notice: JobNotice | EncodeNotice) => void,
  ): Job {
    if (this.#stopping) throw stoppingError();
    const limit = this.#options.maxQueued ?? MAX_QUEUED;
    if (this.#queue.size >= limit) throw new SottoError('BUSY', `${limit} files are already queued`);
    const model = this.#options.resolveModel(request.model, TASKS[work.task]);
    const job = new Job({ number: this.#nextNumber++, request, work, model, notify });
    if (this.isIdle) this.#options.onIdleChange?.(false);
    this.#queue.push(client, job);
    this.#clients.set(job, client);
    this.#files.add(job);
    this.#models.add(job);
    queueMicrotask(() => this.#advance());
    return job;
  }

  /** Takes over the copy of a file that the client wrote; it is removed if the job no longer needs it. */
  supply(job: Job, name: string): void {
    try {
      this.#files.supply(job, name);
    } catch (error) {
      this.#failQueued(job, SottoError.from(error));
    }
  }

  /** Fails a job whose file its client can't read either. */
  refuse(job: Job, error: SottoError): void {
    if (this.#files.readiness(job) === 'skip') this.#failQueued(job, error);
  }

  cancel(job: Job): void {
    if (job.isOver) return;
    const client = this.#clients.get(job);
    if (client !== undefined && this.#queue.remove(client, job)) {
      job.cancel();
      this.#ended(job);
      this.#reportPositions();
      return;
    }
    // The client is notified at once; the engine leaves its decode step a moment later.
    job.cancel();
    if (this.#running?.job === job) this.#running.handle.cancel();
  }

  /** Cancels the jobs of a client that disconnected. */
  cancelAllOf(client: Client): void {
    for (const [job, owner] of [...this.#clients]) if (owner === client) this.cancel(job);
  }

  /**
   * Accepts no more jobs, fails the queued ones, and gives the running one `graceMs` to finish. Resolves when the
   * engine is free.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      job.fail(stoppingError());
      this.#ended(job);
    }
    if (this.#running === undefined) return;
    const free = new Promise<void>((resolve) => (this.#whenFree = resolve));
    const graceTimer = this.#options.clock.after(graceMs, () => {
      this.#running?.job.fail(stoppingError());
      this.#running?.handle.cancel();
    });
    await free;
    graceTimer.cancel();
  }

  #advance(): void {
    if (this.#running === undefined) {
      const job = this.#queue.shift((each) => this.#readiness(each));
      if (job !== undefined) this.#run(job);
    }
    this.#reportPositions();
  }

  #readiness(job: Job): Readiness {
    return this.#models.readiness(job) === 'skip' ? 'skip' : this.#files.readiness(job);
  }

  #reportPositions(): void {
    const following =
      this.#running === undefined ? undefined : this.#queue.peek((each) => this.#readiness(each));
    const next = following && this.#files.pathOf(following);
    if (next !== this.#prefetched) this.#options.engine.prefetch?.(next);
    this.#prefetched = next;
    this.#queue
      .inOrder()
      .filter((job) => this.#readiness(job) !== 'skip')
      .forEach((job, index) => job.queuedAt(index + 1));
  }

  #failQueued(job: Job, error: SottoError): void {
    const client = this.#clients.get(job);
    if (client === undefined || !this.#queue.remove(client, job)) return;
    job.fail(error);
    this.#ended(job);
    this.#reportPositions();
  }

  #run(job: Job): void {
    job.begin();
    const { model, work } = job;
    const handle = this.#options.engine.run({ path: this.#files.pathOf(job), model, work }, (report) =>
      this.#onReport(job, report),
    );
    this.#running = { job, handle };
  }

  #onReport(job: Job, report: JobReport): void {
    switch (report.type) {
      case 'waiting':
        job.waiting(report.for);
        return;
      case 'opened':
        job.opened(report.durationSeconds);
        return;
      case 'event':
        job.event(report.event);
        return;
      case 'done':
        this.#audioSeconds += report.summary.durationSeconds;
        job.finish(report.summary);
        break;
      case 'codes':
        job.codes(report.codes, report.seconds);
        return;
      case 'encoded':
        job.encoded(report.summary);
        break;
      case 'failed':
        if (!job.isOver && this.#trySmallerModel(job, report.error)) {
          this.#run(job);
          return;
        }
        job.fail(this.#files.aboutFile(job, report.error));
        break;
      case 'cancelled':
        job.cancel();
        break;
      case 'lost':
        if (!job.isOver && !this.#stopping && job.attempt < MAX_ATTEMPTS) {
          this.#options.log.warn(
            { job: job.number, code: report.error.code },
            'engine lost: running the job again',
          );
          this.#run(job);
          return;
        }
        job.fail(job.attempt < MAX_ATTEMPTS ? report.error : lostTwiceError(report.error));
        break;
    }
    this.#running = undefined;
    this.#ended(job);
    this.#whenFree?.();
    this.#advance();
  }

  /**
   * Switches a job that names no model to a smaller one if its model turned out too large. @returns whether it did
   */
  #trySmallerModel(job: Job, { code }: SottoError): boolean {
    if (code !== 'INSUFFICIENT_MEMORY' || job.request.model !== undefined) return false;
    if (job.work.task !== 'transcribe') return false;
    const { model } = job;
    try {
      job.model = this.#options.resolveModel(undefined, 'transcribe');
    } catch {
      return false;
    }
    return job.model.dir !== model.dir;
  }

  #ended(job: Job): void {
    this.#clients.delete(job);
    this.#files.remove(job);
    this.#models.remove(job);
    if (job.state === 'final' || job.state === 'cancelled' || job.state === 'failed')
      this.#counts[job.state] += 1;
    this.#options.log.info({ job: job.number, state: job.state, attempts: job.attempt }, 'job ended');
    if (this.isIdle) this.#options.onIdleChange?.(true);
  }
}

/** @param error why the last engine died */
function lostTwiceError(error: SottoError): SottoError {
  return new SottoError(error.code, `the speech engine crashed twice on this file: ${error.message}`, {
    hint: 'convert the file to WAV or FLAC; `sotto daemon status` shows the log',
    cause: error,
  });
}

function stoppingError(): SottoError {
  return new SottoError('DAEMON_UNAVAILABLE', 'the daemon is stopping', { hint: 'try again in a moment' });
}
