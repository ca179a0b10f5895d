/** The state of a queue, and what a user does with it. */
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import * as v from 'valibot';
import type { SottoError } from '../protocol/errors.js';
import { decodeName, openQueue, openRedis, probeQueue, type JobQueue } from './connect-queue.js';
import { parseProgress, parseReason, queueJobSchema, textKey } from './queue-job.js';
import { resolveQueueAddress } from './queue-url.js';

interface QueueConnection {
  readonly queue: JobQueue;
  readonly client: Redis;
}

const MAX_ACTIVE_JOBS = 100;
const PAGE_SIZE = 500;

export interface QueueStatus {
  readonly counts: Readonly<Record<string, number>>;
  readonly workers: readonly string[];
  readonly active: readonly { readonly name: string; readonly worker: string; readonly seconds: number }[];
  readonly failed: readonly FailedJob[];
}

/** @param maxFailed number of most recent failures */
export async function statusOf(queue: JobQueue, maxFailed = Infinity): Promise<QueueStatus> {
  const counts = await queue.getJobCounts('waiting', 'delayed', 'active', 'completed', 'failed');
  const active = await queue.getActive(0, MAX_ACTIVE_JOBS - 1);
  return {
    counts,
    workers: await workerNames(queue),
    active: active.map((job) => ({
      name: nameOf(job),
      worker: decodeName(job.processedBy ?? 'unknown'),
      seconds: parseProgress(job.progress)?.seconds ?? 0,
    })),
    failed: await failedJobs(queue, maxFailed),
  };
}

/** @returns the number of jobs that wait again */
export function retryFailed(queue: JobQueue): Promise<number> {
  return eachFailed(queue, async (job) => {
    await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
  });
}

/** @returns the number of failed jobs that were removed */
export function removeFailed(queue: JobQueue): Promise<number> {
  return eachFailed(queue, (job) => job.remove());
}

/** Removes all jobs and their texts. @returns the number of jobs */
export async function removeAll({ queue, client }: QueueConnection): Promise<number> {
  const counts = await queue.getJobCounts();
  // Active jobs run to their end and are then dropped.
  await queue.obliterate({ force: true });
  for await (const keys of client.scanStream({ match: textKey('*'), count: PAGE_SIZE })) {
    const found = v.parse(v.array(v.string()), keys);
    if (found.length > 0) await client.unlink(found);
  }
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Connects, works and disconnects. @throws SottoError QUEUE_UNAVAILABLE, QUEUE_DENIED */
export async function withQueue(
  url: string,
  work: (connection: QueueConnection, shown: string) => Promise<number>,
): Promise<number> {
  const address = resolveQueueAddress(url);
  await probeQueue(address);
  let failedCount: (error: SottoError) => void = () => undefined;
  const away = new Promise<never>((_, reject) => (failedCount = reject));
  // These commands do not wait for Redis.
  const client = await openRedis(address, {
    onDisconnect: (error) => failedCount(error),
    onReconnect: () => undefined,
  });
  try {
    const queue = await openQueue(client);
    return await Promise.race([work({ queue, client }, address.shown), away]);
  } finally {
    client.disconnect();
  }
}

interface FailedJob {
  readonly id: string;
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
}

async function failedJobs(queue: JobQueue, max: number): Promise<FailedJob[]> {
  const found: FailedJob[] = [];
  while (found.length < max) {
    const page = await queue.getFailed(found.length, Math.min(found.length + PAGE_SIZE, max) - 1);
    found.push(
      ...page.map((job) => {
        const { code, message } = parseReason(job.failedReason ?? '');
        return { id: job.id ?? '', name: nameOf(job), code, message, attempts: job.attemptsMade };
      }),
    );
    if (page.length < PAGE_SIZE) break;
  }
  return found;
}

/** Visits each job that has failed so far once. */
async function eachFailed(queue: JobQueue, work: (job: Job) => Promise<void>): Promise<number> {
  const ids = new Set((await failedJobs(queue, Infinity)).map(({ id }) => id));
  let done = 0;
  for (const id of ids) {
    const job = await queue.getJob(id);
    // Another process may have handled it.
    if (job === undefined) continue;
    await work(job).then(
      () => (done += 1),
      () => undefined,
    );
  }
  return done;
}

async function workerNames(queue: JobQueue): Promise<string[]> {
  const workers = await queue.getWorkers().catch(() => []);
  const names = workers.map(({ rawname = '', name = '' }) => /:w:(.+)$/.exec(rawname)?.[1] ?? name);
  return [...new Set(names.filter((name) => name !== '').map(decodeName))].sort();
}

/** Job data is untrusted. */
function nameOf(job: Job): string {
  const parsed = v.safeParse(queueJobSchema.entries.name, (job.data as { name?: unknown } | null)?.name);
  return parsed.success ? parsed.output : (job.id ?? 'unknown');
}
