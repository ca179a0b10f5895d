/**
 * Follows jobs to their end. The queue sends events; a regular check of all open jobs finds what was missed during a
 * disconnection.
 */
import type { Redis } from 'ioredis';
import { SottoError } from '../protocol/errors.js';
import type { JobQueue } from './connect-queue.js';
import { timeout } from '../async.js';
import {
  parseReason,
  parseProgress,
  parseResult,
  QUEUE_NAME,
  QUEUE_PREFIX,
  type JobProgress,
  type JobResult,
} from './queue-job.js';

export type JobOutcome = { readonly result: JobResult } | { readonly error: SottoError };

export interface Watcher {
  ended(id: string, outcome: JobOutcome): void;
  progress(id: string, progress: JobProgress): void;
  /** It waits again after a failed attempt or the death of its worker. */
  requeued(id: string): void;
}

const POLL_INTERVAL_MS = 5_000;
const BATCH_SIZE = 200;

/** Resolves when all jobs are over or the signal is aborted. */
export async function followJobs(
  { client, queue }: { readonly client: Redis; readonly queue: JobQueue },
  ids: ReadonlySet<string>,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<void> {
  const open = new Set(ids);
  let resolveDone: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (resolveDone = resolve));
  signal.addEventListener('abort', () => resolveDone(), { once: true });
  const end = (id: string, outcome: JobOutcome): void => {
    if (!open.delete(id)) return;
    watcher.ended(id, outcome);
    if (open.size === 0) resolveDone();
  };
  const { QueueEvents } = await import('bullmq');
  // QueueEvents blocks its connection, so it needs its own.
  const connection = client.duplicate();
  connection.on('error', () => undefined);
  const events = new QueueEvents(QUEUE_NAME, { connection, prefix: QUEUE_PREFIX, skipVersionCheck: true });
  events.on('error', () => undefined);
  events.on('completed', ({ jobId }) => void checkJobs(queue, [jobId], open, end).catch(() => undefined));
  events.on('failed', ({ jobId }) => void checkJobs(queue, [jobId], open, end).catch(() => undefined));
  events.on('progress', ({ jobId, data }) => {
    const progress = open.has(jobId) ? parseProgress(data) : undefined;
    if (progress !== undefined) watcher.progress(jobId, progress);
  });
  for (const event of ['waiting', 'delayed', 'stalled'] as const)
    events.on(event, ({ jobId }: { jobId: string }) => {
      if (open.has(jobId)) watcher.requeued(jobId);
    });
  let wake: () => void = () => undefined;
  const onReady = (): void => wake();
  client.on('ready', onReady);
  try {
    if (open.size === 0) return;
    while (open.size > 0 && !signal.aborted) {
      const checked = checkJobs(queue, [...open], open, end);
      // A check takes as long as Redis is unreachable.
      await Promise.race([checked, done]);
      // Checks at once after a reconnection, because Redis sends no missed events.
      const back = new Promise<void>((resolve) => (wake = resolve));
      await timeout(Promise.race([done, back]), POLL_INTERVAL_MS);
    }
  } finally {
    client.off('ready', onReady);
    await timeout(events.close(), 1_000);
    connection.disconnect();
  }
}

async function checkJobs(
  queue: JobQueue,
  ids: readonly string[],
  open: ReadonlySet<string>,
  end: (id: string, outcome: JobOutcome) => void,
): Promise<void> {
  for (let from = 0; from < ids.length; from += BATCH_SIZE) {
    await Promise.all(
      ids.slice(from, from + BATCH_SIZE).map(async (id) => {
        const outcome = open.has(id) ? await outcomeOf(queue, id) : undefined;
        if (outcome !== undefined) end(id, outcome);
      }),
    );
  }
}

/** Undefined while the job is not over. */
async function outcomeOf(queue: JobQueue, id: string): Promise<JobOutcome | undefined> {
  const state = await queue.getJobState(id);
  if (state === 'unknown') return { error: new SottoError('CANCELLED', 'removed from the queue') };
  if (state !== 'completed' && state !== 'failed') return undefined;
  const job = await queue.getJob(id);
  if (job === undefined) return undefined;
  if (state === 'failed') return { error: parseReason(job.failedReason) };
  const result = parseResult(job.returnvalue);
  if (result !== undefined) return { result };
  return {
    error: new SottoError('PROTOCOL', 'finished by an incompatible version of Sotto'),
  };
}
