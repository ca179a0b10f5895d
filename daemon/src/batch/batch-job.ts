/** What identifies a batch, so that the same command resumes an interrupted one. */
import { resolve } from 'node:path';
import { digestOfJson } from '../writers/placement/digest.js';
import type { TranscriptOptions } from '../writers/transcript.js';
import type { FindOptions, FoundFile } from './find-files.js';

export interface BatchJob extends TranscriptOptions {
  /** Files and folders as given. */
  readonly args: readonly string[];
  readonly find: FindOptions;
  /** Name or absolute folder. */
  readonly model?: string;
  /** Output folder; next to each file if absent. */
  readonly output?: string;
  /** Replace files that Sotto did not write, or that were edited. */
  readonly overwrite: boolean;
  /** Keep running and transcribe new files. */
  readonly watch: boolean;
  /** Start over, including finished files. */
  readonly restart: boolean;
  /** Files queued at the daemon at once. */
  readonly jobs: number;
  /** File for the JSON summary; `-` is stdout. */
  readonly summary?: string;
  /** No progress, no notes, no table. */
  readonly quiet: boolean;
}

/** A hash of everything the texts and the choice of files depend on. */
export function identityOf(job: BatchJob): string {
  const { find, format, writer, options, model, watch } = job;
  return digestOfJson([
    placeOf(job),
    find.recursive,
    find.include,
    find.exclude,
    format,
    writer,
    options,
    model,
    watch,
  ]);
}

/** A hash of everything one text depends on: if it is equal, the text is up to date. */
export function originOf(
  { format, writer, options, model }: Pick<BatchJob, 'format' | 'writer' | 'options' | 'model'>,
  { path, bytes, modifiedMs }: Pick<FoundFile, 'path' | 'bytes' | 'modifiedMs'>,
): string {
  return digestOfJson([path, bytes, modifiedMs, format, writer, options, model]);
}

/** A key of the output names. Two batches with the same key must not run at once, because they would write the same files. */
export function placeKeyOf(job: BatchJob): string {
  return digestOfJson([placeOf(job), job.format]).slice(0, 16);
}

function placeOf({ args, output }: BatchJob): unknown {
  return [args.map((arg) => resolve(arg)).sort(), output === undefined ? null : resolve(output)];
}
