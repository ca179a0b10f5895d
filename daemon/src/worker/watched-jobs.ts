/** Tracks the jobs of one command and delivers texts from the queue. */
import type { Redis } from 'ioredis';
import { SottoError } from '../protocol/errors.js';
import type { FileState } from '../store/batch/batch-run.js';
import { placeText } from '../writers/placement/place-text.js';
import type { Summary } from '../batch/batch-summary.js';
import type { Collected, Collection } from './collect-jobs.js';
import type { JobQueue } from './connect-queue.js';
import { followJobs, type JobOutcome } from './follow-jobs.js';
import { textKey, type JobProgress, type JobResult } from './queue-job.js';

interface QueueClients {
  readonly client: Redis;
  readonly queue: JobQueue;
}

export interface SubmissionCounts {
  readonly all: number;
  readonly finished: number;
  readonly failed: number;
}

/** Shows submitted jobs. */
export interface QueueView {
  progress(id: string, name: string, progress: JobProgress): void;
  /** No worker is on it, temporarily or permanently. */
  stopped(id: string): void;
  /** @param target path of the text, if it is a file */
  done(name: string, target: string | undefined, result: JobResult): void;
  failed(name: string, error: SottoError): void;
  /** Prints text on stdout. */
  put(text: string): void;
  note(text: string): void;
  close(): void;
}

interface Row {
  readonly path: string;
  readonly target: string;
  state: FileState;
  failure?: SottoError;
  audioSeconds?: number;
}

export class WatchedJobs {
  /** Finished files per worker. */
  readonly workers = new Map<string, number>();
  readonly #jobs: ReadonlyMap<string, Collected>;
  readonly #rows = new Map<string, Row>();
  readonly #outcomes = new Map<string, JobOutcome>();
  /** Texts from the queue are delivered in submission order. */
  readonly #order: readonly Collected[];
  readonly #beganMs = performance.now();
  #deliveredCount = 0;
  #delivery: Promise<void> = Promise.resolve();
  #finished: number;
  #failed: number;

  constructor({ jobs, existing, failed }: Collection) {
    this.#jobs = new Map(jobs.map((one) => [one.id, one]));
    this.#order = jobs.filter(({ job }) => job.target.kind === 'queue');
    this.#finished = existing.length + failed.length;
    this.#failed = failed.length;
    for (const { path, error } of failed)
      this.#rows.set(path, { path, target: '', state: 'failed', failure: error });
    for (const { path, target } of existing) this.#rows.set(path, { path, target, state: 'skipped' });
    for (const { id, job, path, saveAs } of jobs) {
      const target = job.target.kind === 'file' ? job.target.path : (saveAs ?? '');
      this.#rows.set(id, { path, target, state: 'waiting' });
    }
  }

  get counts(): SubmissionCounts {
    return { all: this.#rows.size, finished: this.#finished, failed: this.#failed };
  }

  summary(): Summary {
    const files = [...this.#rows.values()];
    const audioSeconds = files.reduce((sum, { audioSeconds: seconds = 0 }) => sum + seconds, 0);
    return { files, audioSeconds, elapsedSeconds: (performance.now() - this.#beganMs) / 1000 };
  }

  /** Resolves when all jobs are over and their texts delivered, or the signal is aborted. */
  async follow(clients: QueueClients, view: QueueView, signal: AbortSignal): Promise<void> {
    const ids = new Set(this.#jobs.keys());
    await followJobs(
      clients,
      ids,
      {
        ended: (id, outcome) => this.#ended(id, outcome, clients, view),
        progress: (id, progress) => view.progress(id, this.#jobs.get(id)?.job.name ?? id, progress),
        requeued: (id) => view.stopped(id),
      },
      signal,
    );
    if (!signal.aborted) await this.#delivery;
  }

  #ended(id: string, outcome: JobOutcome, clients: QueueClients, view: QueueView): void {
    const one = this.#jobs.get(id);
    if (one === undefined) return;
    view.stopped(id);
    this.#outcomes.set(id, outcome);
    if (one.job.target.kind === 'file') this.#count(one, outcome, view);
    else this.#delivery = this.#delivery.then(() => this.#deliverNext(clients, view));
  }

  /** Delivers finished texts up to the first unfinished job. */
  async #deliverNext(clients: QueueClients, view: QueueView): Promise<void> {
    for (;;) {
      const next = this.#order[this.#deliveredCount];
      const outcome = next === undefined ? undefined : this.#outcomes.get(next.id);
      if (next === undefined || outcome === undefined) return;
      this.#deliveredCount += 1;
      this.#count(next, 'error' in outcome ? outcome : await deliver(next, outcome, clients, view), view);
    }
  }

  #count({ id, job }: Collected, outcome: JobOutcome, view: QueueView): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#finished += 1;
    if ('error' in outcome) {
      this.#failed += 1;
      row.state = 'failed';
      row.failure = outcome.error;
      view.failed(job.name, outcome.error);
      return;
    }
    const { worker, durationSeconds } = outcome.result;
    row.state = 'done';
    view.done(job.name, row.target === '' ? undefined : row.target, outcome.result);
    if (durationSeconds !== undefined) row.audioSeconds = durationSeconds;
    this.workers.set(worker, (this.workers.get(worker) ?? 0) + 1);
  }
}

async function deliver(
  { id, saveAs }: Collected,
  outcome: JobOutcome,
  { client }: QueueClients,
  view: QueueView,
): Promise<JobOutcome> {
  try {
    const text = await client.get(textKey(id));
    if (text === null) throw new SottoError('OUTPUT_FAILED', 'its text is no longer in the queue');
    if (saveAs === undefined) view.put(text);
    else await placeText(saveAs, text, { existing: 'keep' });
    return outcome;
  } catch (thrown) {
    return { error: SottoError.from(thrown) };
  }
}
