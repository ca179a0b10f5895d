/** The models of jobs that are not over: a job whose model folder does not open fails, and holds no other one back meanwhile. */
import type { SottoError } from '../../protocol/errors.js';
import type { ModelAccess } from '../../supervisor/model-access.js';
import type { Readiness } from './fair-queue.js';
import type { Job } from './job.js';

interface JobModelsOptions {
  /** Every folder counts as one that can be opened, where this is left out. */
  readonly access: ModelAccess | undefined;
  /** A job can run now. */
  readonly onChange: () => void;
  readonly onFailed: (job: Job, error: SottoError) => void;
}

export class JobModels {
  readonly #options: JobModelsOptions;
  readonly #checking = new Set<Job>();

  constructor(options: JobModelsOptions) {
    this.#options = options;
  }

  /** Finds out whether the model of a new job can be opened. */
  add(job: Job): void {
    const { access, onChange, onFailed } = this.#options;
    if (access === undefined || access.isOwn(job.model.dir)) return;
    this.#checking.add(job);
    void access.check(job.model.dir).then((problem) => {
      if (!this.#checking.delete(job)) return;
      if (problem === undefined) onChange();
      else onFailed(job, problem);
    });
  }

  readiness(job: Job): Readiness {
    return this.#checking.has(job) ? 'skip' : 'ready';
  }

  /** The job is over. */
  remove(job: Job): void {
    this.#checking.delete(job);
  }
}
