/** Puts jobs into the queue. A job that is there already is not added again. */
import type { Redis } from 'ioredis';
import { hasText } from '../writers/placement/place-text.js';
import type { Collected } from './collect-jobs.js';
import type { JobQueue } from './connect-queue.js';
import { ATTEMPTS, KEEP_SECONDS, MAX_JOB_BYTES, textKey } from './queue-job.js';

const BATCH_SIZE = 250;
const MAX_KEPT = 100_000;

export async function enqueue(queue: JobQueue, client: Redis, jobs: readonly Collected[]): Promise<void> {
  for (let from = 0; from < jobs.length; from += BATCH_SIZE) {
    const some = jobs.slice(from, from + BATCH_SIZE);
    await Promise.all(some.map((one) => removeIfTextMissing(queue, client, one)));
    await queue.addBulk(
      some.map(({ id, job }) => ({
        name: job.source.kind,
        data: job,
        opts: {
          jobId: id,
          attempts: ATTEMPTS,
          // The workers choose the delay.
          backoff: { type: 'custom' },
          removeOnComplete: { age: KEEP_SECONDS, count: MAX_KEPT },
          sizeLimit: MAX_JOB_BYTES,
          stackTraceLimit: 1,
        },
      })),
    );
  }
}

/** Forgets a finished job whose text no longer exists. */
async function removeIfTextMissing(queue: JobQueue, client: Redis, { id, job }: Collected): Promise<void> {
  if ((await queue.getJobState(id)) !== 'completed') return;
  const { target } = job;
  const hasResult =
    target.kind === 'file' ? await hasText(target.path) : (await client.exists(textKey(id))) === 1;
  if (!hasResult) await queue.remove(id);
}
