/**
 * `sotto transcribe … --queue URL`: submits files and watches them. Job ids depend on the work, so the same command
 * submits nothing twice and fetches finished texts.
 */
import { resolve } from 'node:path';
import type { Redis } from 'ioredis';
import { SottoError } from '../../protocol/errors.js';
import { findOptionsOf, type BatchFlags } from '../batch/batch-flags.js';
import { writeSummary } from '../batch/batch-summary.js';
import { INTERRUPTED, onInterrupt } from '../interrupt.js';
import { resolvePaths } from '../../paths.js';
import { openOutputs } from '../output/outputs.js';
import { hasText, sweepDrafts } from '../output/place-text.js';
import type { TranscriptOptions } from '../transcribe/transcript.js';
import { reportFailure } from '../transcribe/transcribe-view.js';
import { collectJobs, type Collected } from './collect-jobs.js';
import { openQueue, openRedis, probeQueue, type JobQueue } from './connect-queue.js';
import { ATTEMPTS, KEEP_SECONDS, MAX_JOB_BYTES, textKey } from './queue-job.js';
import { resolveQueueAddress } from './queue-url.js';
import { byWorker, queueView } from './queue-view.js';
import { WatchedJobs } from './watched-jobs.js';
import { defined } from '../../protocol/defined.js';

export interface QueueFlags extends BatchFlags {
  readonly detach?: true;
  readonly output?: string;
}

const BATCH_SIZE = 250;
const MAX_KEPT = 100_000;

/** @returns the exit code @throws SottoError QUEUE_UNAVAILABLE, QUEUE_DENIED, INVALID_ARGUMENT */
export async function transcribeByQueue(
  args: readonly string[],
  url: string,
  flags: QueueFlags,
  recipe: TranscriptOptions & { readonly model?: string },
): Promise<number> {
  checkFlags(flags);
  const outputs = await openOutputs(resolvePaths(), false);
  if (flags.summary !== undefined && flags.summary !== '-')
    await outputs.assertWritable(resolve(flags.summary));
  const address = resolveQueueAddress(url);
  const { output } = flags;
  const [collection] = await Promise.all([
    collectJobs({
      ...recipe,
      args,
      find: findOptionsOf(flags),
      ...defined({ output }),
    }),
    probeQueue(address),
  ]);
  const interrupt = onInterrupt();
  const files = new WatchedJobs(collection);
  const view = queueView(() => files.counts);
  const client = await openRedis(address, {
    onDisconnect: (error) => view.note(`${error.message}; waiting for it`),
    onReconnect: () => view.note('reconnected to the queue'),
  });
  try {
    for (const { path, error } of collection.failed) view.failed(path, error);
    if (files.counts.all === 0) view.note(`no audio files in ${args.join(', ')}`);
    // Drafts of killed commands that saved texts here.
    if (output !== undefined) await sweepDrafts(resolve(output));
    const queue = await openQueue(client);
    await enqueue(queue, client, collection.jobs);
    const again = `run again to see the progress, or use \`sotto queue status --queue ${address.shown}\``;
    if (flags.detach === true) {
      view.note(`${collection.jobs.length} of ${files.counts.all} queued; ${again}`);
      return collection.failed.length > 0 ? 1 : 0;
    }
    await files.follow({ client, queue }, view, interrupt.signal);
    view.close();
    if (files.counts.all > 1 || flags.summary !== undefined)
      await writeSummary(files.summary(), { ...flags, quiet: false, outputs });
    if (files.workers.size > 1) view.note(`done by ${byWorker(files.workers)}`);
    if (interrupt.signal.aborted) {
      view.note(`stopped watching; the work continues; ${again}`);
      return INTERRUPTED;
    }
    if (files.counts.failed > collection.failed.length)
      view.note(`retry failed files: \`sotto queue retry --queue ${address.shown}\``);
    return files.counts.failed > 0 ? 1 : 0;
  } catch (thrown) {
    view.close();
    return reportFailure(thrown);
  } finally {
    view.close();
    client.disconnect();
    interrupt.release();
  }
}

/** Refuses flags for local work. */
function checkFlags({ watch, jobs, restart }: QueueFlags): void {
  const named = Object.entries({ '--watch': watch, '--jobs': jobs, '--restart': restart });
  const idle = named.find(([, value]) => value !== undefined)?.[0];
  if (idle === undefined) return;
  throw new SottoError('INVALID_ARGUMENT', `${idle} can’t be combined with --queue`, {
    hint: 'omit one of them',
  });
}

async function enqueue(queue: JobQueue, client: Redis, jobs: readonly Collected[]): Promise<void> {
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
