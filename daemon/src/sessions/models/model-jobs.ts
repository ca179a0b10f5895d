/** The running jobs on models, at most one for each model, and read-only requests. */
import { throwIfCancelled } from '../../async.js';
import type { Clock } from '../../clock.js';
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { MODEL_LIMITS, type ModelsResult } from '../../protocol/models.js';
import { ModelJob, type ModelJobListener, type Subscription, type ModelJobOptions } from './model-job.js';

export interface ModelJobsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when the last job ends and when the first one starts. */
  readonly onIdleChange?: (idle: boolean) => void;
}

type JobDescription = Pick<ModelJobOptions, 'activity' | 'key'> &
  Partial<Pick<ModelJobOptions, 'endsWithClients' | 'pulledModel'>>;

/** No model has this name: the key of jobs on all models. */
export const ALL_MODELS = '*';

export class ModelJobs {
  readonly #options: ModelJobsOptions;
  readonly #byName = new Map<string, ModelJob>();
  /** Aborts the requests that end with their client. */
  readonly #unkeyed = new Set<(reason: SottoError) => Promise<void>>();

  constructor(options: ModelJobsOptions) {
    this.#options = options;
  }

  /** No job is running. */
  get isIdle(): boolean {
    return this.#byName.size === 0;
  }

  /** The job on a model. */
  get(name: string): ModelJob | undefined {
    return this.#byName.get(name);
  }

  /** The job that pulls a model. */
  pullOf(name: string): ModelJob | undefined {
    return [...this.#byName.values()].find(({ pulledModel }) => pulledModel === name);
  }

  /** Aborts all jobs, and resolves when they have ended. */
  async stop(reason: () => SottoError): Promise<void> {
    const jobs = [...this.#byName.values()];
    for (const job of jobs) job.abort(reason());
    const aborted = [...this.#unkeyed].map((abort) => abort(reason()));
    await Promise.all([...aborted, ...jobs.map(({ settled }) => settled)]);
  }

  /** Runs a request that changes no model's files; it ends with its client. */
  runUnkeyed(listener: ModelJobListener, task: (job: ModelJob) => Promise<ModelsResult>): Subscription {
    const { clock } = this.#options;
    const job = new ModelJob({ clock, activity: '', key: '', endsWithClients: true });
    const subscription = job.join(listener);
    const abort = (reason: SottoError): Promise<void> => {
      job.abort(reason);
      return job.settled;
    };
    this.#unkeyed.add(abort);
    void job.run(task).then(() => this.#unkeyed.delete(abort));
    return subscription;
  }

  /** A subscription that lasts until it is cancelled. @param end ends it */
  subscribe(listener: ModelJobListener, end: () => void): Subscription {
    const leave = (): void => {
      this.#unkeyed.delete(abort);
      end();
    };
    const abort = (error: SottoError): Promise<void> => {
      leave();
      listener({ type: 'failed', seq: 1, error });
      return Promise.resolve();
    };
    this.#unkeyed.add(abort);
    const cancel = (): void => {
      if (!this.#unkeyed.has(abort)) return;
      leave();
      listener({ type: 'cancelled', seq: 1 });
    };
    return { cancel, leave };
  }

  /**
   * Starts a job on a model, or joins the running one with the same key.
   * @throws SottoError BUSY if another job is running on the model
   */
  begin(
    name: string,
    listener: ModelJobListener,
    description: JobDescription,
    task: (job: ModelJob) => Promise<ModelsResult>,
  ): Subscription {
    const { clock, log } = this.#options;
    const existing = this.#byName.get(name);
    // A job that was aborted is waited for, not joined.
    if (existing !== undefined && !existing.isOver && !existing.signal.aborted) {
      if (existing.key === description.key) return existing.join(listener);
      throw busy(name === ALL_MODELS ? 'the models' : name, existing);
    }
    if (existing === undefined && this.#byName.size >= MODEL_LIMITS.jobs)
      throw new SottoError('BUSY', `${MODEL_LIMITS.jobs} jobs on models are already running`);
    const job = new ModelJob({ clock, endsWithClients: false, ...description });
    const subscription = job.join(listener);
    this.#byName.set(name, job);
    if (existing === undefined && this.#byName.size === 1) this.#options.onIdleChange?.(false);
    log.info({ model: name }, `model ${description.activity}`);
    const after = async (): Promise<ModelsResult> => {
      await existing?.settled;
      throwIfCancelled(job.signal);
      return task(job);
    };
    void job.run(after).then(() => {
      log.info({ model: name, ...job.outcome }, 'model job ended');
      if (this.#byName.get(name) !== job) return;
      this.#byName.delete(name);
      if (this.isIdle) this.#options.onIdleChange?.(true);
    });
    return subscription;
  }
}

export function busy(what: string, { activity }: ModelJob): SottoError {
  return new SottoError('BUSY', `${what} ${activity}`, { hint: 'wait until it has finished, or cancel it' });
}
