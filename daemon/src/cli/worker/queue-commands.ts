/** `sotto queue status | retry | clear`. Each returns the exit code. */
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import * as v from 'valibot';
import type { SottoError } from '../../protocol/errors.js';
import { openQueue, openRedis, probeQueue, decodeName, type JobQueue } from './connect-queue.js';
import { parseReason, parseProgress, queueJobSchema, textKey } from './queue-job.js';
import { resolveQueueAddress } from './queue-url.js';
import { oneLine } from './worker-messages.js';

interface QueueConnection {
  readonly queue: JobQueue;
  readonly client: Redis;
}

/** Failed files shown; `--json` lists all. */
const MAX_SHOWN_FAILED = 20;
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

export function queueStatus(url: string, asJson: boolean): Promise<number> {
  return withQueue(url, async ({ queue }, shown) => {
    const status = await statusOf(queue, asJson ? Infinity : MAX_SHOWN_FAILED);
    if (asJson) {
      printLine(JSON.stringify({ queue: shown, ...status }));
      return 0;
    }
    const { counts, workers, active, failed } = status;
    const { waiting = 0, delayed = 0, active: busy = 0, completed = 0, failed: failedCount = 0 } = counts;
    printLine(
      `${shown}: ${waiting + delayed} waiting, ${busy} running, ${completed} done, ${failedCount} failed`,
    );
    printLine(
      workers.length === 0 ? 'no worker is connected' : `workers: ${workers.map(oneLine).join(', ')}`,
    );
    for (const { name, worker, seconds } of active)
      printLine(`  ${oneLine(worker)}: ${oneLine(name)}${seconds > 0 ? `, ${Math.floor(seconds)} s` : ''}`);
    for (const { name, code, message } of failed)
      printLine(`  failed: ${oneLine(name)}: ${oneLine(message)} (${code})`);
    if (failedCount > failed.length)
      printLine(`  and ${failedCount - failed.length} more (--json lists all)`);
    return 0;
  });
}

export function queueRetry(url: string): Promise<number> {
  return withQueue(url, async ({ queue }) => {
    const tried = await eachFailed(queue, async (job) => {
      await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
    });
    printLine(tried === 0 ? 'no failed files' : `${countOf(tried)} queued again`);
    return 0;
  });
}

export function queueClear(url: string, all: boolean): Promise<number> {
  return withQueue(url, async ({ queue, client }) => {
    if (!all) {
      const removed = await eachFailed(queue, (job) => job.remove());
      printLine(removed === 0 ? 'no failed files' : `${countOf(removed)} removed`);
      return 0;
    }
    const counts = await queue.getJobCounts();
    // Active jobs run to their end and are then dropped.
    await queue.obliterate({ force: true });
    for await (const keys of client.scanStream({ match: textKey('*'), count: PAGE_SIZE })) {
      const found = v.parse(v.array(v.string()), keys);
      if (found.length > 0) await client.unlink(found);
    }
    printLine(`${countOf(Object.values(counts).reduce((sum, count) => sum + count, 0))} removed`);
    return 0;
  });
}

async function withQueue(
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

function countOf(files: number): string {
  return `${files} ${files === 1 ? 'file' : 'files'}`;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
