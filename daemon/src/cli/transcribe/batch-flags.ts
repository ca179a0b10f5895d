/** The flags of `sotto transcribe` for folders and many files. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { SottoError } from '../../protocol/errors.js';
import { isFolder } from '../flags/destination.js';
import { whole } from '../flags/flag-values.js';
import type { FindOptions } from '../../batch/find-files.js';
import type { BatchJob } from '../../batch/batch-job.js';
import { defined } from '../../protocol/defined.js';

export interface BatchFlags {
  readonly recursive?: true;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly skipExisting?: true;
  readonly overwrite?: true;
  readonly force?: true;
  readonly quiet?: true;
  readonly watch?: true;
  readonly jobs?: number;
  readonly restart?: true;
  readonly summary?: string;
}

/**
 * The engine transcribes one file at a time and decodes the next one ahead. The rest bridges the time in which
 * transcripts of short files are written.
 */
const DEFAULT_JOBS = 4;
const MAX_JOBS = 32;

export function addBatchFlags(command: Command): Command {
  return command
    .optionsGroup('Folders and many files:')
    .option('-r, --recursive', 'include subfolders')
    .option('--include <glob>', 'only matching files, e.g. "*.mp3" (repeatable)', collect)
    .option('--exclude <glob>', 'skip matching files and folders (repeatable)', collect)
    .option('--force', 'transcribe finished files again; never replaces edited files')
    .addOption(new Option('--skip-existing', 'skip finished files, as is the default').hideHelp())
    .option('--watch', 'keep running and transcribe new files as they arrive')
    .addOption(
      new Option('-j, --jobs <n>', `files to queue at once (default: ${DEFAULT_JOBS})`).argParser(
        whole(1, MAX_JOBS),
      ),
    )
    .addOption(new Option('--restart', 'the same as --force').hideHelp())
    .option('--summary <file>', 'write a JSON summary to this file (- for stdout)');
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

type BatchRequest = Pick<
  BatchJob,
  'args' | 'find' | 'overwrite' | 'watch' | 'restart' | 'jobs' | 'summary' | 'output' | 'quiet'
>;

/**
 * The batch request for a folder argument, a flag about folders, or several files with an output folder. Undefined if
 * texts are printed or there is only one.
 *
 * @throws SottoError INVALID_ARGUMENT
 */
export function toBatchRequest(
  args: readonly string[],
  flags: BatchFlags,
  output: string | undefined,
): BatchRequest | undefined {
  const folders = args.some(isFolder);
  const named = firstBatchFlag(flags);
  if (!folders && named === undefined && (args.length < 2 || output === undefined)) return undefined;
  if (!folders && output === undefined) {
    throw new SottoError('INVALID_ARGUMENT', `${flagOf(named ?? 'recursive')} needs a folder`, {
      hint: 'add a folder, or --output-dir FOLDER',
    });
  }
  if (!folders && flags.watch === true) {
    throw new SottoError('INVALID_ARGUMENT', '--watch needs a folder', {
      hint: 'name the folder to watch',
    });
  }
  const { summary } = flags;
  return {
    args,
    find: findOptionsOf(flags),
    overwrite: flags.overwrite === true,
    quiet: flags.quiet === true,
    watch: flags.watch === true,
    restart: flags.restart === true || flags.force === true,
    jobs: flags.jobs ?? DEFAULT_JOBS,
    ...defined({ summary, output }),
  };
}

export function findOptionsOf({ recursive, include, exclude }: BatchFlags): FindOptions {
  return {
    recursive: recursive === true,
    ...defined({ include, exclude }),
  };
}

const BATCH_FLAG_NAMES = [
  'recursive',
  'include',
  'exclude',
  'watch',
  'jobs',
  'summary',
] as const satisfies readonly (keyof BatchFlags)[];

export function firstBatchFlag(flags: BatchFlags): (typeof BATCH_FLAG_NAMES)[number] | undefined {
  return BATCH_FLAG_NAMES.find((name) => flags[name] !== undefined);
}

function flagOf(name: string): string {
  return `--${name}`;
}
