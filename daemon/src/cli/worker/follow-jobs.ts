/**
 * What becomes of jobs: the queue tells of each change, and a look at all that are still open, now and then, finds what was
 * told while nobody heard it.
 */
import type { Redis } from 'ioredis';
import { SottoError } from '../../protocol/errors.js';
import type { JobQueue } from './connect-queue.js';
import { timeout } from '../../async.js';
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
  /** It waits again: its worker died, or it is to be tried once more. */
  requeued(id: string): void;
}

const POLL_INTERVAL_MS = 5_000;
const BATCH_SIZE = 200;

/** Until all of them are over, or the signal is aborted. */
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
  // It waits on its connection, which therefore is its own.
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
      // While the queue is away a look takes as long as that.
      await Promise.race([checked, done]);
      // Sooner where the queue is back: what it has forgotten it does not tell of.
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

/** Undefined while it goes on. */
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
    error: new SottoError('PROTOCOL', 'finished by another version of Sotto, with an answer unknown here'),
  };
}
