/** `sotto transcribe` for folders and many files. A kill loses only the work on the active files; the same command resumes. */
import { dirname, join, resolve } from 'node:path';
import type { Paths } from '../paths.js';
import { SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import type { BatchRun, NewFile } from '../store/batch/batch-run.js';
import { BatchStore } from '../store/batch/batch-store.js';
import { tryLock, type ProcessLock } from '../store/process-lock.js';
import { digestOfFile } from '../writers/placement/digest.js';
import type { Transcriber } from './transcriber.js';
import { FolderWatch } from './folder-watch.js';
import { identityOf, placeKeyOf, type BatchJob } from './batch-job.js';
import { Outputs } from '../writers/placement/outputs.js';
import { sweepDrafts } from '../writers/placement/place-text.js';
import { StableFiles } from './stable-files.js';
import { countsOf, type Summary } from './batch-summary.js';
import { scan } from './scan.js';
import type { BatchProgress } from './batch-progress.js';
import type { BatchView } from './batch-view.js';
import { BatchRunner, keptNote } from './batch-runner.js';

interface BatchDeps {
  readonly paths: Paths;
  readonly transcriber: Transcriber;
  readonly progress: BatchProgress;
  readonly view: BatchView;
  readonly signal: AbortSignal;
  /** Shows the result, and writes it to the summary file of the job. @throws SottoError OUTPUT_FAILED, OUTPUT_EXISTS */
  readonly writeSummary: (summary: Summary, outputs: Outputs) => Promise<void>;
}

type BatchEnd = 'done' | 'some-failed' | 'interrupted';

/** @throws SottoError BUSY, and what ended the batch before its last file */
export async function transcribeBatch(job: BatchJob, deps: BatchDeps): Promise<BatchEnd> {
  const { paths, view } = deps;
  let lock: ProcessLock | undefined;
  let store: BatchStore | undefined;
  try {
    store = BatchStore.open(paths.batch, () =>
      view.note('the record of earlier runs was damaged; started a new one and kept the old file'),
    );
    lock = tryLock(join(paths.home, `batch-${placeKeyOf(job)}.lock`));
    if (lock === undefined) {
      throw new SottoError('BUSY', 'another `sotto transcribe` is working on these files', {
        hint: 'wait for it, or stop it and run this again: it resumes',
      });
    }
    store.prune();
    const outputs = new Outputs(store.written, job.overwrite);
    if (job.summary !== undefined && job.summary !== '-') await outputs.assertWritable(resolve(job.summary));
    const { run, since } = store.resumeOrStart({ identity: identityOf(job), restart: job.restart });
    run.recover(digestOfFile);
    return await runBatch(run, since, job, { ...deps, outputs });
  } finally {
    view.close();
    lock?.release();
    store?.close();
  }
}

interface RunBatchDeps extends BatchDeps {
  readonly outputs: Outputs;
}

async function runBatch(
  run: BatchRun,
  since: number | undefined,
  job: BatchJob,
  deps: RunBatchDeps,
): Promise<BatchEnd> {
  const { outputs, signal, progress, view } = deps;
  const runner = new BatchRunner({ ...deps, run, job });
  let stopped: SottoError | undefined;
  try {
    if (job.watch) await watchFolders(run, runner, job, deps);
    else {
      const files = await scan(job, { outputs, signal, onFound: (count) => view.scanning(count) });
      await addFiles(run, files, deps);
      if (files.length === 0 && !signal.aborted) view.note(`no audio files in ${job.args.join(', ')}`);
      if (since !== undefined && progress.files > progress.left) view.note(resumeNote(since, progress));
      await runner.untilNothingWaits();
    }
  } catch (thrown) {
    stopped = codedError(thrown);
  }
  view.close();
  const files = run.files();
  const { waiting, failed } = countsOf(files);
  // Interrupted before the scan was complete, or with files left.
  const interrupted = signal.aborted && (waiting > 0 || (!progress.known && !job.watch));
  if (waiting === 0 && !job.watch && !interrupted && stopped === undefined) run.end();
  const { audioSeconds, elapsedSeconds } = progress;
  await deps.writeSummary({ files, audioSeconds, elapsedSeconds }, outputs);
  if (stopped !== undefined) throw stopped;
  if (interrupted) {
    const over = files.length - waiting;
    const same = `the same command${job.restart ? ' without --force' : ''}`;
    view.note(`interrupted: ${over} of ${files.length} files done; ${same} resumes`);
    return 'interrupted';
  }
  return failed > 0 ? 'some-failed' : 'done';
}

/** Kept files that are named in notes; the others are counted. */
const MAX_KEPT_NOTES = 8;

/** Adds files to the run and removes drafts that a killed process left in their output folders. */
async function addFiles(
  run: BatchRun,
  files: readonly NewFile[],
  { progress, view, signal }: BatchDeps,
): Promise<void> {
  if (signal.aborted) return;
  run.add(files);
  const targets = files.filter(({ failure }) => failure === undefined).map(({ target }) => target);
  for (const folder of new Set(targets.map(dirname))) await sweepDrafts(folder);
  progress.set(run.counts(), run.files('waiting'));
  const kept = run.files('skipped').filter(({ skipped }) => skipped !== 'done');
  const paths = new Set(files.map(({ path }) => path));
  const news = kept.filter(({ path }) => paths.has(path));
  for (const file of news.slice(0, MAX_KEPT_NOTES)) {
    if (file.skipped !== undefined && file.skipped !== 'done') view.note(keptNote(file, file.skipped));
  }
  if (news.length > MAX_KEPT_NOTES) view.note(`… and ${news.length - MAX_KEPT_NOTES} more are kept`);
  for (const { path, failure } of files) {
    if (failure !== undefined) view.failed({ path }, new SottoError(failure.code, failure.message, failure));
  }
}

async function watchFolders(
  run: BatchRun,
  runner: BatchRunner,
  job: BatchJob,
  deps: RunBatchDeps,
): Promise<void> {
  const { outputs, signal, view } = deps;
  const stableFiles = new StableFiles();
  const unreadable = new Set<string>();
  const watch = new FolderWatch(job.args, job.find.recursive);
  const message = `watching ${job.args.join(', ')} (Ctrl-C to stop)`;
  try {
    for (let first = true; !signal.aborted; first = false) {
      const beganMs = performance.now();
      stableFiles.begin();
      const all = await scan(job, { outputs, signal, shouldSkip: (file) => !stableFiles.isNews(file) });
      const files = all.filter(({ path, failure }) => failure === undefined || !unreadable.has(path));
      for (const { path, failure } of all) if (failure !== undefined) unreadable.add(path);
      const scanMs = performance.now() - beganMs;
      if (first || files.length > 0) await addFiles(run, files, deps);
      await runner.untilNothingWaits();
      view.waiting(message);
      await watch.next(scanMs, stableFiles.pending, signal);
    }
  } finally {
    watch.close();
  }
}

function resumeNote(sinceMs: number, { files, left }: BatchProgress): string {
  const since = new Date(sinceMs);
  const today = since.toDateString() === new Date().toDateString();
  const when = since.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const day = today ? '' : `${since.toLocaleDateString([], { day: 'numeric', month: 'short' })}, `;
  return `resuming the run of ${day}${when}: ${files - left} of ${files} files done (--force starts over)`;
}
