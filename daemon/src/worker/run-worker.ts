/** `sotto worker`: processes jobs in the local daemon until it is stopped or this machine fails. */
import type { Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { SottoError } from '../protocol/errors.js';
import { messageOf } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { openRedis, probeQueue, encodeName } from './connect-queue.js';
import { runJob, failureAction, type JobDeps } from './run-job.js';
import { timeout } from '../async.js';
import { TokenBucket, type Rate } from './token-bucket.js';
import {
  KEEP_SECONDS,
  parseJob,
  QUEUE_NAME,
  QUEUE_PREFIX,
  textKey,
  formatReason,
  type JobProgress,
  type JobResult,
  type QueueJob,
} from './queue-job.js';
import type { QueueAddress } from './queue-url.js';
import { resultMessage, timeLeft } from './worker-messages.js';

/** Timing of locks and retries; tests shorten it. */
interface Timing {
  /** A worker silent for this long loses its jobs. */
  readonly lockMs: number;
  /** Interval of the check for lost jobs. */
  readonly stalledMs: number;
  /** Delay of the second attempt, doubled for each further one. */
  readonly backoffMs: number;
}

export const TIMING: Timing = { lockMs: 30_000, stalledMs: 15_000, backoffMs: 5_000 };

interface WorkerOptions {
  readonly address: QueueAddress;
  readonly name: string;
  readonly concurrency: number;
  readonly rate?: Rate;
  readonly timing: Timing;
  readonly deps: Omit<JobDeps, 'texts' | 'worker'>;
  readonly log: (line: string) => void;
  /** Resolves at a stop request: no more jobs, and a grace period for active ones. */
  readonly stopRequested: Promise<void>;
  /** Resolves when the grace period is cancelled. */
  readonly forceStopRequested: Promise<void>;
}

/** Jobs survive this many dead workers. */
const MAX_STALLED = 20;
/** Grace period for active jobs at a stop; then they return to the queue. */
const GRACE_MS = 20_000;
const CLOSE_MS = 3_000;
const RECONNECT_MS = 2_000;
/** The daemon restarts an engine that crashed five times after three minutes. */
const PAUSE_MS = 30_000;
const MAX_PAUSES = 10;
const PROGRESS_EVERY_MS = 1_000;
const REPEATED_ERROR_MS = 60_000;

/** @throws SottoError a failure of this machine, after active jobs have returned to the queue */
export async function runWorker(run: WorkerOptions): Promise<void> {
  if (!(await awaitQueue(run))) return;
  const client = await openRedis(run.address, {
    onDisconnect: (error) => run.log(`${error.message}; waiting for it`),
    onReconnect: () => run.log('reconnected to the queue'),
  });
  try {
    await new QueueWorker(run, client).work();
  } finally {
    client.disconnect();
  }
}

/** Waits for the queue to be reachable. @returns false if stopped meanwhile */
async function awaitQueue({ address, log, stopRequested }: WorkerOptions): Promise<boolean> {
  let over = false;
  void stopRequested.then(() => (over = true));
  for (let hasReported = false; !over; hasReported = true) {
    try {
      await probeQueue(address);
      return true;
    } catch (thrown) {
      const error = codedError(thrown);
      if (!error.retryable) throw error;
      if (!hasReported) log(`${error.message}; waiting for it`);
    }
    await timeout(stopRequested, RECONNECT_MS);
  }
  return false;
}

class QueueWorker {
  readonly #run: WorkerOptions;
  readonly #client: Redis;
  readonly #deps: JobDeps;
  readonly #bucket: TokenBucket;
  readonly #active = new Map<string, AbortController>();
  #bull: Worker<QueueJob, JobResult> | undefined;
  #pauseTimer: NodeJS.Timeout | undefined;
  #pausedUntilMs = 0;
  #fault: SottoError | undefined;
  /** Consecutive pauses. */
  #pauses = 0;
  #hasSucceeded = false;
  #lastError: { readonly message: string; readonly atMs: number } | undefined;
  #end: () => void = () => undefined;
  readonly #ending = new Promise<void>((resolve) => (this.#end = resolve));

  constructor(run: WorkerOptions, client: Redis) {
    this.#run = run;
    this.#client = client;
    this.#bucket = new TokenBucket(run.rate, run.concurrency);
    const texts = {
      has: async (id: string) => (await client.exists(textKey(id))) === 1,
      put: async (id: string, text: string) =>
        (await client.set(textKey(id), text, 'EX', KEEP_SECONDS, 'NX')) === 'OK'
          ? ('done' as const)
          : ('there' as const),
    };
    this.#deps = { ...run.deps, worker: run.name, texts };
  }

  async work(): Promise<void> {
    const { stopRequested, forceStopRequested, log } = this.#run;
    const { Worker } = await import('bullmq');
    const { lockMs, stalledMs, backoffMs } = this.#run.timing;
    const bull = new Worker<QueueJob, JobResult>(QUEUE_NAME, (job, token) => this.#process(job, token), {
      connection: this.#client,
      prefix: QUEUE_PREFIX,
      name: encodeName(this.#run.name),
      concurrency: this.#run.concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledMs,
      maxStalledCount: MAX_STALLED,
      // Reconnects faster than BullMQ's default of 15 s.
      runRetryDelay: RECONNECT_MS,
      settings: { backoffStrategy: (attempts = 1) => backoffMs * 2 ** (attempts - 1) },
      skipVersionCheck: true,
    });
    this.#bull = bull;
    bull.on('error', (error) => this.#reportError(error));
    bull.on('lockRenewalFailed', (ids) => {
      for (const id of ids) this.#active.get(id)?.abort();
    });
    await Promise.race([stopRequested, this.#ending]);
    clearTimeout(this.#pauseTimer);
    const closing = bull.close();
    if (this.#active.size > 0 && this.#fault === undefined)
      log(`stopping; ${timeLeft(this.#active.size, GRACE_MS)}`);
    const graceMs = this.#active.size > 0 ? GRACE_MS : CLOSE_MS;
    await Promise.race([closing, timeout(Promise.race([forceStopRequested, this.#ending]), graceMs)]);
    for (const controller of this.#active.values()) controller.abort();
    await timeout(closing, CLOSE_MS);
    if (this.#fault !== undefined) throw this.#fault;
  }

  async #process(job: Job<QueueJob, JobResult>, token: string | undefined): Promise<JobResult> {
    const id = job.id ?? '';
    if (!this.#bucket.tryConsume()) return this.#requeue(job, token);
    this.#pauseForRate();
    const controller = new AbortController();
    this.#active.set(id, controller);
    const beganMs = performance.now();
    let data: QueueJob | undefined;
    try {
      data = parseJob(job.data);
      const attempt = { id, job: data, wasLost: job.stalledCounter > 0 };
      const report = throttled((progress) => void job.updateProgress(progress).catch(() => undefined));
      const result = await runJob(attempt, this.#deps, controller.signal, report);
      this.#hasSucceeded = true;
      this.#pauses = 0;
      this.#run.log(resultMessage(data.name, result, performance.now() - beganMs));
      return result;
    } catch (thrown) {
      const error = codedError(thrown);
      // Stopped, or reassigned: the lock decides.
      if (controller.signal.aborted) return await this.#requeue(job, token);
      return await this.#failed(job, token, data, error);
    } finally {
      this.#active.delete(id);
    }
  }

  async #failed(
    job: Job<QueueJob, JobResult>,
    token: string | undefined,
    data: QueueJob | undefined,
    error: SottoError,
  ): Promise<never> {
    const action = failureAction(error, data);
    // An engine crash proves that the engine had started.
    if (error.code === 'ENGINE_CRASHED') this.#hasSucceeded = true;
    // Paused first, so that the returned job is not fetched again.
    if (action === 'stop' || action === 'pause') await this.#bull?.pause(true);
    if (action === 'stop' || (action === 'pause' && !(this.#hasSucceeded && this.#pauses < MAX_PAUSES))) {
      this.#fault ??= error;
      for (const controller of this.#active.values()) controller.abort();
      this.#end();
      return this.#requeue(job, token);
    }
    if (action === 'pause') {
      this.#pauses += 1;
      this.#run.log(`pausing for ${PAUSE_MS / 1000} s: ${error.message}`);
      this.#resumeAfter(PAUSE_MS);
      return this.#requeue(job, token);
    }
    const last = action === 'fail' || job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    this.#run.log(`${last ? 'failed' : 'failed for now'}: ${data?.name ?? job.id ?? ''}: ${error.message}`);
    const { UnrecoverableError } = await import('bullmq');
    const reason = formatReason(error);
    throw action === 'fail' ? new UnrecoverableError(reason) : new Error(reason);
  }

  /** Returns the job without counting an attempt. */
  async #requeue(job: Job<QueueJob, JobResult>, token: string | undefined): Promise<never> {
    const { WaitingError } = await import('bullmq');
    // Without its lock the job belongs to another worker.
    await job.moveToWait(token).catch(() => undefined);
    throw new WaitingError();
  }

  /** Pauses fetching, so that other workers take the waiting jobs. */
  #pauseForRate(): void {
    const waitMs = this.#bucket.waitMs();
    if (waitMs === 0 || this.#fault !== undefined) return;
    void this.#bull?.pause(true);
    this.#resumeAfter(waitMs);
  }

  #resumeAfter(ms: number): void {
    const untilMs = performance.now() + ms;
    // The longer pause applies.
    if (untilMs < this.#pausedUntilMs) return;
    this.#pausedUntilMs = untilMs;
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = setTimeout(() => void this.#bull?.resume(), ms);
  }

  #reportError(error: unknown): void {
    const message = messageOf(error);
    // A missing lock: the job was reassigned or removed from the queue.
    if (/could not renew lock|Missing lock|Missing key|is not in the active state/i.test(message)) return;
    // The client reports connection errors.
    if (/ECONN|ENOENT|EPIPE|ETIMEDOUT|Connection is closed|LOADING/i.test(message)) return;
    // The same error repeats, for example when Redis is full.
    const nowMs = performance.now();
    if (message === this.#lastError?.message && nowMs - this.#lastError.atMs < REPEATED_ERROR_MS) return;
    this.#lastError = { message, atMs: nowMs };
    this.#run.log(`queue: ${message}`);
  }
}

function throttled(send: (progress: JobProgress) => void): (progress: JobProgress) => void {
  let nextMs = 0;
  return (progress) => {
    const now = performance.now();
    if (now < nextMs) return;
    nextMs = now + PROGRESS_EVERY_MS;
    send(progress);
  };
}
