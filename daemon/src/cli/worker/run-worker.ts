/**
 * `sotto worker`: takes jobs out of a queue, one after another, and has this machine's daemon do them, until it is told to
 * end or finds that this machine can't.
 */
import type { Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { SottoError } from '../../protocol/errors.js';
import { messageOf } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import { openRedis, probeQueue, encodeName } from './connect-queue.js';
import { runJob, failureAction, type JobDeps } from './run-job.js';
import { timeout } from '../../async.js';
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

/** How soon a dead worker is noticed, and how long a failed job rests. A test has no time for the usual ones. */
interface Timing {
  /** A worker that says nothing for so long has lost its jobs. */
  readonly lockMs: number;
  /** How often somebody looks for lost jobs. */
  readonly stalledMs: number;
  /** Before the second attempt; twice as long before each one after it. */
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
  /** Resolves when it is to end: no more jobs, the ones in hand get a while. */
  readonly stopRequested: Promise<void>;
  /** Resolves when they get none. */
  readonly forceStopRequested: Promise<void>;
}

/** A kill is nobody's fault: a job is lost only with this many workers. */
const MAX_STALLED = 20;
/** What a job in hand gets when the worker is to end. It goes back to the queue after that. */
const GRACE_MS = 20_000;
const CLOSE_MS = 3_000;
const RECONNECT_MS = 2_000;
/** An engine that died five times is tried again by its daemon after three minutes. */
const PAUSE_MS = 30_000;
const MAX_PAUSES = 10;
const PROGRESS_EVERY_MS = 1_000;
const REPEATED_ERROR_MS = 60_000;

/** @throws SottoError what keeps this machine from working, once the jobs in hand are back in the queue */
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

/** A worker may be started before its queue is. False: told to end meanwhile. */
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
  /** In a row. */
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
      // After a restart of Redis nobody waits for the usual 15 s.
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
      // Told to end, or somebody else has it: its lock decides which.
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
    // There was an engine: if it is gone now, it is this file's doing, and not for good.
    if (error.code === 'ENGINE_CRASHED') this.#hasSucceeded = true;
    // First of all, so that what is given back is not the next one here.
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

  /** Somebody else may do it, or this one later: it does not count as an attempt. */
  async #requeue(job: Job<QueueJob, JobResult>, token: string | undefined): Promise<never> {
    const { WaitingError } = await import('bullmq');
    // Without its lock it is another one's already.
    await job.moveToWait(token).catch(() => undefined);
    throw new WaitingError();
  }

  /** Between two jobs others may take what waits: this one does not even ask. */
  #pauseForRate(): void {
    const waitMs = this.#bucket.waitMs();
    if (waitMs === 0 || this.#fault !== undefined) return;
    void this.#bull?.pause(true);
    this.#resumeAfter(waitMs);
  }

  #resumeAfter(ms: number): void {
    const untilMs = performance.now() + ms;
    // Of two reasons to rest the longer one counts.
    if (untilMs < this.#pausedUntilMs) return;
    this.#pausedUntilMs = untilMs;
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = setTimeout(() => void this.#bull?.resume(), ms);
  }

  #reportError(error: unknown): void {
    const message = messageOf(error);
    // A lock that is gone: the job went to somebody else, who is at it or has done it; or it was taken out of the queue.
    if (/could not renew lock|Missing lock|Missing key|is not in the active state/i.test(message)) return;
    // The client has told of it.
    if (/ECONN|ENOENT|EPIPE|ETIMEDOUT|Connection is closed|LOADING/i.test(message)) return;
    // What goes wrong goes wrong again: a full Redis refuses everything.
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
