/** `sotto worker` and `sotto queue`: their flags and their help. */
import { hostname } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { whole } from './flag-values.js';
import { modelArgument } from './models-argument.js';
import type { Outcome } from './transcribers.js';
import { parseRate, type Rate } from './worker/pace.js';

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

/** Of `sotto transcribe`, too, which says what it is there for. */
export function queueOption(what = 'where the queue is'): Option {
  return new Option(
    '--queue <url>',
    `${what}: redis://host:6379, rediss://user@host:6380/2 or unix:/path/of/redis.sock`,
  );
}

export function addWorker(program: Command, outcome: Outcome): void {
  program
    .command('worker')
    .summary('do the files of a queue that several machines share')
    .description(
      'Takes files out of a queue in Redis, does them with this machine’s daemon, and puts each text in its place, once.\n' +
        'Several machines may do so: a file whose worker dies is done by another one. Ctrl-C ends it in good order.',
    )
    .addOption(queueOption().makeOptionMandatory())
    .addOption(
      new Option(
        '--root <folder>',
        'it may read and write there and nowhere else; can be given several times',
      )
        .argParser(more)
        .default([], 'none'),
    )
    .option('--no-files', 'no folders at all: only sound from addresses, texts into the queue')
    .option('--name <name>', 'what it is called where its work is shown (default: this machine’s name)')
    .addOption(new Option('--concurrency <n>', 'files at once').argParser(whole(1, 16)).default(1))
    .addOption(
      new Option('--rate <n/time>', 'begin no more than that, e.g. 30/minute or 500/day').argParser(
        parseRate,
      ),
    )
    .option('-m, --model <name|folder>', 'the model for files that name none (default: the daemon’s own)')
    .addOption(
      new Option('--max-download <mb>', 'refuse larger sound from addresses')
        .argParser(whole(1))
        .default(4096),
    )
    .option('--allow-private', 'fetch sound from addresses of this machine’s own network, too')
    .addOption(
      new Option('--timing <ms,ms,ms>', 'lock, look for lost ones, retry').argParser(timing).hideHelp(),
    )
    .addHelpText(
      'after',
      `
A disk that is called otherwise on the other machines: --root /mnt/share=/Volumes/share.
The password of the queue may stand in SOTTO_QUEUE_PASSWORD instead of in its address.

Examples:
  sotto worker --queue redis://queue.local --root /Volumes/share
  sotto worker --queue redis://queue.local --root /Volumes/share --rate 30/minute --name studio
  sotto worker --queue rediss://sotto@queue.example:6380 --no-files
  sotto transcribe /Volumes/share/talks --queue redis://queue.local   hands a folder in, from any machine
  sotto queue status --queue redis://queue.local                      who is at it, what failed`,
    )
    .action(async (flags: WorkerFlags) => {
      const paths = resolvePaths();
      const { startWorker } = await import('./worker/start-worker.js');
      const model = modelArgument(flags.model, paths);
      outcome.exitCode = await startWorker(paths, {
        queue: flags.queue,
        roots: flags.root,
        files: flags.files,
        name: flags.name ?? hostname(),
        concurrency: flags.concurrency,
        ...(flags.rate !== undefined && { rate: flags.rate }),
        ...(model !== undefined && { model }),
        allowPrivate: flags.allowPrivate === true,
        maxDownloadBytes: flags.maxDownload * 1_000_000,
        ...(flags.timing !== undefined && { timing: flags.timing }),
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
    .summary('look after a queue that several machines share')
    .description('A queue in Redis: what waits, who is at work, what failed, and another try for that.')
    .addHelpText(
      'after',
      `
Examples:
  sotto queue status --queue redis://queue.local
  sotto queue retry --queue redis://queue.local
  sotto queue clear --queue redis://queue.local`,
    );
  queue
    .command('status')
    .description('Says what waits, which workers there are, and what failed, and why.')
    .addOption(queueOption().makeOptionMandatory())
    .option('--json', 'as one JSON object, with all that failed')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto queue status --queue redis://queue.local\n  sotto queue status --queue redis://queue.local --json | jq -r .failed[].name',
    )
    .action(async ({ queue: url, json }: QueueFlags) => {
      const { queueStatus } = await import('./worker/queue-desk.js');
      outcome.exitCode = await queueStatus(url, json === true);
    });
  queue
    .command('retry')
    .description('Has all that failed tried again, with as many attempts as at first.')
    .addOption(queueOption().makeOptionMandatory())
    .addHelpText('after', '\nExample:\n  sotto queue retry --queue redis://queue.local')
    .action(async ({ queue: url }: QueueFlags) => {
      const { queueRetry } = await import('./worker/queue-desk.js');
      outcome.exitCode = await queueRetry(url);
    });
  queue
    .command('clear')
    .description('Takes what failed out of the queue. Texts that have been written stay where they are.')
    .addOption(queueOption().makeOptionMandatory())
    .option('--all', 'also what waits, what is done, and the texts that are kept in the queue')
    .addHelpText('after', '\nExample:\n  sotto queue clear --queue redis://queue.local')
    .action(async ({ queue: url, all }: QueueFlags) => {
      const { queueClear } = await import('./worker/queue-desk.js');
      outcome.exitCode = await queueClear(url, all === true);
    });
}

function timing(value: string): readonly [number, number, number] {
  const [, lock, stalled, backoff] = /^(\d{1,6}),(\d{1,6}),(\d{1,6})$/.exec(value) ?? [];
  if (Number(lock) > 0 && Number(stalled) > 0) return [Number(lock), Number(stalled), Number(backoff)];
  throw new InvalidArgumentError('three numbers of milliseconds are expected.');
}
