/** What makes two calls the same work: then the second one goes on where the first one was interrupted. */
import { resolve } from 'node:path';
import { digestOfJson } from '../output/digest.js';
import type { TranscriptOptions } from '../transcribe/transcript.js';
import type { FindOptions, FoundFile } from './find-files.js';

export interface BatchJob extends TranscriptOptions {
  /** Files and folders, as they were given. */
  readonly args: readonly string[];
  readonly find: FindOptions;
  /** Name or absolute folder. */
  readonly model?: string;
  /** Folder for the texts; beside each file when left out. */
  readonly output?: string;
  /** Replace files that Sotto did not write, or that have changed since. */
  readonly overwrite: boolean;
  /** Stay, and do what comes. */
  readonly watch: boolean;
  /** Do again what is done, by an interrupted call or an earlier one. */
  readonly restart: boolean;
  /** Files that are with the daemon at once. */
  readonly jobs: number;
  /** Where the summary goes as JSON; `-` is stdout. */
  readonly summary?: string;
  /** No progress, no notes, no table. */
  readonly quiet: boolean;
}

/** All that the texts depend on, and which files are to be done. */
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

/** All that the text of a file depends on: where it is the same, a text is up to date. */
export function originOf(
  { format, writer, options, model }: Pick<BatchJob, 'format' | 'writer' | 'options' | 'model'>,
  { path, bytes, modifiedMs }: Pick<FoundFile, 'path' | 'bytes' | 'modifiedMs'>,
): string {
  return digestOfJson([path, bytes, modifiedMs, format, writer, options, model]);
}

/** Two calls of the same place must not work at once: their texts would go to the same names. */
export function placeKeyOf(job: BatchJob): string {
  return digestOfJson([placeOf(job), job.format]).slice(0, 16);
}

function placeOf({ args, output }: BatchJob): unknown {
  return [args.map((arg) => resolve(arg)).sort(), output === undefined ? null : resolve(output)];
}
