/**
 * `sotto transcribe … --queue URL`: submits files and watches them. Job ids depend on the work, so the same command
 * submits nothing twice and fetches finished texts.
 */
import { resolve } from 'node:path';
import { SottoError } from '../../protocol/errors.js';
import { findOptionsOf, type BatchFlags } from '../transcribe/batch-flags.js';
import { writeSummary } from '../transcribe/batch-summary-view.js';
import { INTERRUPTED, onInterrupt } from '../interrupt.js';
import { resolvePaths } from '../../paths.js';
import { openOutputs } from '../../writers/placement/outputs.js';
import { sweepDrafts } from '../../writers/placement/place-text.js';
import type { TranscriptOptions } from '../../writers/transcript.js';
import { reportFailure } from '../transcribe/transcribe-view.js';
import { collectJobs } from '../../worker/collect-jobs.js';
import { openQueue, openRedis, probeQueue } from '../../worker/connect-queue.js';
import { enqueue } from '../../worker/enqueue-jobs.js';
import { resolveQueueAddress } from '../../worker/queue-url.js';
import { byWorker, queueView } from './queue-view.js';
import { WatchedJobs } from '../../worker/watched-jobs.js';
import { defined } from '../../protocol/defined.js';

export interface QueueFlags extends BatchFlags {
  readonly detach?: true;
  readonly output?: string;
}

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
