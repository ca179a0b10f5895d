/** The file job of the engine process: sent once it is ready, lost when it dies. Knows messages, not processes. */
import type { Clock, Timer } from '../clock.js';
import { defined } from '../protocol/defined.js';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, ToEngine } from '../protocol/ipc.js';
import type { EngineJob, JobReport, RunningJob } from './engine.js';

/** How long the engine may take to leave a decode step after a cancel before it is killed. */
const CANCEL_GRACE_MS = 5_000;

type Report = (report: JobReport) => void;
type JobMessage = Extract<FromEngine, { job: number }>;

interface CurrentJob {
  readonly id: number;
  readonly job: EngineJob;
  readonly report: Report;
  /** Whether it was sent to the current process. */
  sent: boolean;
  cancelled: boolean;
  /** Of the grace period after a cancel. */
  graceTimer?: Timer;
  /** The error for which the engine is killed. */
  fault?: SottoError;
}

interface EngineJobsDeps {
  readonly clock: Clock;
  readonly cancelGraceMs?: number;
  readonly send: (message: ToEngine) => void;
  /** The engine ignores a cancel. */
  readonly onStuck: (id: number) => void;
  /** @returns whether the engine is killed for an error: the job is lost with it then */
  readonly onFailed: (error: SottoError) => boolean;
  readonly onSucceeded: () => void;
}

export class EngineJobs {
  readonly #deps: EngineJobsDeps;
  #isReady = false;
  #next = 1;
  #current: CurrentJob | undefined;
  /** The file of the next job. */
  #prefetchPath: string | undefined;
  /**
   * The engine died with a file running and this one prefetched: either may be the cause, so it is not prefetched
   * again.
   */
  #isPrefetchSuspect = false;

  constructor(deps: EngineJobsDeps) {
    this.#deps = deps;
  }

  /** Whether the process has a job. */
  get isSent(): boolean {
    return this.#current?.sent === true;
  }

  /** Whether the engine must make progress. A cancelled job has a time limit of its own. */
  get isComputing(): boolean {
    return this.#current?.sent === true && !this.#current.cancelled;
  }

  /** Directory of the model of the job. */
  get modelDir(): string | undefined {
    return this.#current?.job.model.dir;
  }

  /** Reports come after this has returned. @throws SottoError INTERNAL if there is a job already */
  run(job: EngineJob, report: Report): RunningJob {
    if (this.#current !== undefined) throw new SottoError('INTERNAL', 'the engine runs one job at a time');
    const current: CurrentJob = { id: this.#next++, job, report, sent: false, cancelled: false };
    this.#current = current;
    queueMicrotask(() => {
      if (current !== this.#current || current.sent) return;
      if (this.#isReady) this.#send(current);
      else report({ type: 'waiting', for: 'engine' });
    });
    return { cancel: () => this.#cancel(current) };
  }

  prefetch(path: string | undefined): void {
    this.#prefetchPath = path;
    // After the `run` message of the current job.
    queueMicrotask(() => this.#sendPrefetch());
  }

  /** Sends the job to a process that became ready. */
  ready(): void {
    this.#isReady = true;
    if (this.#current !== undefined) this.#send(this.#current);
    if (this.#prefetchPath !== undefined) this.#sendPrefetch();
  }

  receive(message: JobMessage): void {
    const current = this.#current;
    if (current === undefined || message.job !== current.id) return;
    switch (message.type) {
      case 'opened': {
        const { durationSeconds } = message;
        current.report({ type: 'opened', ...defined({ durationSeconds }) });
        return;
      }
      case 'event':
        current.report({ type: 'event', event: message.event });
        return;
      case 'done':
        this.#end({ type: 'done', summary: message.summary });
        return;
      case 'codes': {
        const { codes, scales, seconds } = message;
        current.report({ type: 'codes', codes: { codes, ...defined({ scales }) }, seconds });
        return;
      }
      case 'encoded':
        this.#end({ type: 'encoded', summary: message.summary });
        return;
      case 'cancelled':
        this.#end({ type: 'cancelled' });
        return;
      case 'failed': {
        const error = SottoError.fromWire(message.error);
        if (this.#deps.onFailed(error)) current.fault = error;
        else this.#end({ type: 'failed', error });
      }
    }
  }

  /** The models in the process changed. */
  modelLoading(dir: string): void {
    if (dir === this.modelDir) this.#current?.report({ type: 'waiting', for: 'model' });
  }

  /** The process died: a job that it had is lost, one that it didn't have waits for the next one. */
  lost(error: SottoError): void {
    this.#isReady = false;
    const current = this.#current;
    if (current === undefined) return;
    if (current.sent) this.#isPrefetchSuspect = true;
    if (current.cancelled) this.#end({ type: 'cancelled' });
    else if (current.sent) this.#end({ type: 'lost', error: current.fault ?? error });
  }

  /** Fails the job: no further process will start. */
  failAll(error: SottoError): void {
    this.#isReady = false;
    if (this.#current !== undefined) this.#end({ type: 'failed', error });
  }

  /** Forgets the job without a report: its caller ends, too. */
  forget(): void {
    this.#isReady = false;
    this.#current?.graceTimer?.cancel();
    this.#current = undefined;
  }

  #send(current: CurrentJob): void {
    current.sent = true;
    this.#deps.send({ type: 'run', job: current.id, ...current.job });
  }

  #sendPrefetch(): void {
    const path = this.#prefetchPath;
    if (this.#isReady && !this.#isPrefetchSuspect)
      this.#deps.send({ type: 'prefetch', ...defined({ path }) });
  }

  #cancel(current: CurrentJob): void {
    if (current !== this.#current || current.cancelled) return;
    current.cancelled = true;
    if (!current.sent) {
      this.#end({ type: 'cancelled' });
      return;
    }
    const { cancelGraceMs = CANCEL_GRACE_MS, clock, onStuck, send } = this.#deps;
    send({ type: 'cancel', job: current.id });
    current.graceTimer = clock.after(cancelGraceMs, () => onStuck(current.id));
  }

  #end(report: JobReport): void {
    const current = this.#current;
    this.#current = undefined;
    current?.graceTimer?.cancel();
    if (report.type === 'done' || report.type === 'encoded') this.#deps.onSucceeded();
    if (report.type !== 'lost') this.#isPrefetchSuspect = false;
    current?.report(report);
  }
}
