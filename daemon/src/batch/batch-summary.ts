/** The result of a batch. */
import type { BatchFile, FileState } from '../store/batch/batch-run.js';

export type SummaryFile = Pick<
  BatchFile,
  'path' | 'target' | 'state' | 'skipped' | 'failure' | 'audioSeconds' | 'workSeconds'
>;

export interface Summary {
  readonly files: readonly SummaryFile[];
  /** Of this process only; interrupted runs before it had their own. */
  readonly audioSeconds: number;
  readonly elapsedSeconds: number;
}

export function countsOf(files: readonly SummaryFile[]): Record<FileState, number> {
  const counts = { waiting: 0, working: 0, done: 0, failed: 0, skipped: 0 };
  for (const { state } of files) counts[state] += 1;
  return counts;
}

/** Files whose text was not written because another file is in its place. */
export function keptIn(files: readonly SummaryFile[]): number {
  return files.filter(({ skipped }) => skipped !== undefined && skipped !== 'done').length;
}
