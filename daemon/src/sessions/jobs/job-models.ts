/**
 * The models of unfinished jobs: a job whose model directory does not open fails, and does not hold up the others
 * meanwhile.
 */
import type { SottoError } from '../../protocol/errors.js';
import type { ModelAccess } from '../../supervisor/model-access.js';
import type { Readiness } from './fair-queue.js';
import type { Job } from './job.js';

interface JobModelsOptions {
  /** If undefined, every model directory counts as readable. */
  readonly access: ModelAccess | undefined;
  /** A job became ready. */
  readonly onChange: () => void;
  readonly onFailed: (job: Job, error: SottoError) => void;
}

export class JobModels {
  readonly #options: JobModelsOptions;
  readonly #checking = new Set<Job>();

  constructor(options: JobModelsOptions) {
    this.#options = options;
  }

  /** Starts checking whether the model directories of a new job can be opened. */
  add(job: Job): void {
    const { access, onChange, onFailed } = this.#options;
    const aligner = job.work.task === 'transcribe' ? job.work.aligner : undefined;
    const dirs = [job.model, ...(aligner === undefined ? [] : [aligner])].map(({ dir }) => dir);
    const foreign = dirs.filter((dir) => access?.isOwn(dir) === false);
    if (access === undefined || foreign.length === 0) return;
    this.#checking.add(job);
    void Promise.all(foreign.map((dir) => access.check(dir))).then((problems) => {
      if (!this.#checking.delete(job)) return;
      const problem = problems.find((found) => found !== undefined);
      if (problem === undefined) onChange();
      else onFailed(job, problem);
    });
  }

  readiness(job: Job): Readiness {
    return this.#checking.has(job) ? 'skip' : 'ready';
  }

  /** Forgets a job that has ended. */
  remove(job: Job): void {
    this.#checking.delete(job);
  }
}
