/** Finds the files of a run and the target of each. */
import type { NewFile, SkipReason } from '../store/batch/batch-run.js';
import { formatOf } from '../writers/index.js';
import type { Outputs } from '../writers/placement/outputs.js';
import { findFiles, type FoundFile, type Unreadable } from './find-files.js';
import { originOf, type BatchJob } from './batch-job.js';
import { targetsOf } from './targets.js';
import { defined } from '../protocol/defined.js';

interface ScanOptions {
  readonly outputs: Pick<Outputs, 'targetState'>;
  readonly signal: AbortSignal;
  /** Called with the number of files so far. */
  readonly onFound?: (files: number) => void;
  /** Files to ignore for now. */
  readonly shouldSkip?: (file: FoundFile) => boolean;
}

/** Unreadable files and folders are included as failures. */
export async function scan(
  job: BatchJob,
  { outputs, signal, onFound, shouldSkip }: ScanOptions,
): Promise<NewFile[]> {
  const found: FoundFile[] = [];
  const unreadable: Unreadable[] = [];
  for await (const one of findFiles(job.args, job.find)) {
    if (signal.aborted) break;
    if (one.type === 'unreadable') unreadable.push(one);
    else found.push(one);
    onFound?.(found.length);
  }
  const { extension } = formatOf(job.format);
  const targets = targetsOf(found, {
    extension,
    ...defined({ output: job.output }),
  });
  const files: NewFile[] = [];
  for (const [index, file] of found.entries()) {
    const target = targets[index] ?? '';
    if (shouldSkip?.(file) === true) continue;
    const { path, bytes, modifiedMs } = file;
    const skip = await skipReason(job, file, target, outputs);
    files.push({ path, target, bytes, modifiedMs, ...defined({ skip }) });
  }
  const failed = unreadable.map(({ path, error }) => ({
    path,
    target: '',
    bytes: 0,
    modifiedMs: 0,
    failure: { code: error.code, message: error.message, hint: error.hint },
  }));
  return [...files, ...failed];
}

/** Undefined if the file needs transcribing. */
async function skipReason(
  job: BatchJob,
  file: FoundFile,
  target: string,
  outputs: Pick<Outputs, 'targetState'>,
): Promise<SkipReason | undefined> {
  // A target that can't be written is reported when it is written.
  const targetState = await outputs.targetState(target).catch(() => undefined);
  if (targetState?.state === 'kept') return targetState.reason;
  const isDone = targetState?.state === 'unchanged' && targetState.origin === originOf(job, file);
  return isDone && !job.restart ? 'done' : undefined;
}
