/** `sotto worker` and `sotto queue`: flags and help. */
import { hostname } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { examples, paragraph } from '../help/layout.js';
import { resolvePaths } from '../../paths.js';
import { whole } from '../flags/flag-values.js';
import { modelArgument } from '../../store/model-argument.js';
import type { Outcome } from '../transcribe/create-transcriber.js';
import { parseRate, type Rate } from '../../worker/token-bucket.js';
import { defined } from '../../protocol/defined.js';

interface WorkerFlags {
  queue: string;
  root: string[];
  files: boolean;
  name?: string;
  concurrency: number;
  rate?: Rate;
  model?: string;
  allowPrivate?: true;
  maxDownload: number;
  timing?: readonly [number, number, number];
}

const more = (value: string, before: string[]): string[] => [...before, value];

/** Also used by `sotto transcribe`, with its own description. */
export function queueOption(what = 'address of the queue'): Option {
  return new Option(
    '--queue <url>',
    `${what}: redis://host:6379, rediss://user@host:6380/2 or unix:/path/of/redis.sock`,
  );
}

export function addWorker(program: Command, outcome: Outcome): void {
  program
    .command('worker')
    .summary('transcribe files from a shared queue')
    .description(
      'Transcribe files from a queue in Redis that several machines share, each file once. If a worker dies, another ' +
        'one takes over its file. Ctrl-C finishes the current file and stops.',
    )
    .addOption(queueOption().makeOptionMandatory())
    .addOption(
      new Option('--root <folder>', 'folder the worker may read and write (repeatable)')
        .argParser(more)
        .default([], 'none'),
    )
    .option('--no-files', 'no folders: only audio from URLs, texts into the queue')
    .option('--name <name>', 'name in status reports (default: this machine’s name)')
    .addOption(new Option('--concurrency <n>', 'files at the same time').argParser(whole(1, 16)).default(1))
    .addOption(
      new Option('--rate <n/time>', 'start at most this many, e.g. 30/minute or 500/day').argParser(
        parseRate,
      ),
    )
    .option('-m, --model <name|folder>', 'model for files that name none (default: the one in use)')
    .addOption(new Option('--max-download <mb>', 'refuse larger downloads').argParser(whole(1)).default(4096))
    .option('--allow-private', 'allow URLs of the local network')
    .addOption(
      new Option('--timing <ms,ms,ms>', 'lock, check for lost jobs, retry').argParser(timing).hideHelp(),
    )
    .addHelpText(
      'after',
      paragraph(
        'If a disk has another name on the other machines: --root /mnt/share=/Volumes/share. The queue’s password can ' +
          'be in SOTTO_QUEUE_PASSWORD instead of in its address.',
      ),
    )
    .addHelpText(
      'after',
      examples([
        'sotto worker --queue redis://queue.local --root /Volumes/share',
        'sotto worker --queue redis://queue.local --root /Volumes/share --rate 30/minute --name studio',
        'sotto worker --queue rediss://sotto@queue.example:6380 --no-files',
        [
          'sotto transcribe /Volumes/share/talks --queue redis://queue.local',
          'submits a folder, from any machine',
        ],
        'sotto queue status --queue redis://queue.local',
      ]),
    )
    .action(async (flags: WorkerFlags) => {
      const paths = resolvePaths();
      const { startWorker } = await import('./start-worker.js');
      const model = modelArgument(flags.model, paths);
      outcome.exitCode = await startWorker(paths, {
        queue: flags.queue,
        roots: flags.root,
        files: flags.files,
        name: flags.name ?? hostname(),
        concurrency: flags.concurrency,
        ...defined({ rate: flags.rate, model }),
        allowPrivate: flags.allowPrivate === true,
        maxDownloadBytes: flags.maxDownload * 1_000_000,
        ...defined({ timing: flags.timing }),
      });
    });
}

interface QueueFlags {
  queue: string;
  json?: true;
  all?: true;
}

export function addQueue(program: Command, outcome: Outcome): void {
  const queue = program
    .command('queue')
    .summary('show and manage a shared queue')
    .description('Show and manage a queue in Redis: waiting and failed files, workers.')
    .addHelpText(
      'after',
      examples([
        'sotto queue status --queue redis://queue.local',
        'sotto queue retry --queue redis://queue.local',
        'sotto queue clear --queue redis://queue.local',
      ]),
    );
  queue
    .command('status')
    .description('Show waiting files, workers, and failed files with the reasons.')
    .addOption(queueOption().makeOptionMandatory())
    .option('--json', 'print one JSON object, with all failed files')
    .addHelpText(
      'after',
      examples([
        'sotto queue status --queue redis://queue.local',
        'sotto queue status --queue redis://queue.local --json | jq -r .failed[].name',
      ]),
    )
    .action(async ({ queue: url, json }: QueueFlags) => {
      const { queueStatus } = await import('./queue-commands.js');
      outcome.exitCode = await queueStatus(url, json === true);
    });
  queue
    .command('retry')
    .description('Retry all failed files.')
    .addOption(queueOption().makeOptionMandatory())
    .addHelpText('after', examples(['sotto queue retry --queue redis://queue.local']))
    .action(async ({ queue: url }: QueueFlags) => {
      const { queueRetry } = await import('./queue-commands.js');
      outcome.exitCode = await queueRetry(url);
    });
  queue
    .command('clear')
    .description('Remove failed files from the queue. Written transcripts are kept.')
    .addOption(queueOption().makeOptionMandatory())
    .option('--all', 'also remove waiting and finished files, and texts in the queue')
    .addHelpText('after', examples(['sotto queue clear --queue redis://queue.local']))
    .action(async ({ queue: url, all }: QueueFlags) => {
      const { queueClear } = await import('./queue-commands.js');
      outcome.exitCode = await queueClear(url, all === true);
    });
}

function timing(value: string): readonly [number, number, number] {
  const [, lock, stalled, backoff] = /^(\d{1,6}),(\d{1,6}),(\d{1,6})$/.exec(value) ?? [];
  if (Number(lock) > 0 && Number(stalled) > 0) return [Number(lock), Number(stalled), Number(backoff)];
  throw new InvalidArgumentError('must be three numbers of milliseconds');
}
