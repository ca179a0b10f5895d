/** Turns files, folders and URLs into jobs, each with an id that depends only on its work. */
import { resolve } from 'node:path';
import { SottoError } from '../protocol/errors.js';
import { formatOf } from '../writers/index.js';
import { findFiles, type FindOptions, type FoundFile } from '../batch/find-files.js';
import { fileNameFromUrl, isUrl, displayPath } from '../display-path.js';
import { targetsOf } from '../batch/targets.js';
import { outputNames } from '../writers/placement/output-files.js';
import { hasText } from '../writers/placement/place-text.js';
import type { TranscriptOptions } from '../writers/transcript.js';
import { jobId, parseJob, displayUrl, type QueueJob, type Source } from './queue-job.js';
import { defined } from '../protocol/defined.js';

export interface Submission extends TranscriptOptions {
  /** Files, folders and URLs. */
  readonly args: readonly string[];
  readonly find: FindOptions;
  readonly model?: string;
  /** For files, a folder on the shared disk; for URLs, a local folder. */
  readonly output?: string;
}

export interface Collected {
  readonly id: string;
  readonly job: QueueJob;
  /** Absolute path or URL. */
  readonly path: string;
  /** Where this process saves the text from the queue; stdout if absent. */
  readonly saveAs?: string;
}

export interface Collection {
  readonly jobs: readonly Collected[];
  /** Files whose text exists. */
  readonly existing: readonly { readonly path: string; readonly target: string }[];
  readonly failed: readonly { readonly path: string; readonly error: SottoError }[];
}

/** @throws SottoError INVALID_ARGUMENT */
export async function collectJobs(submission: Submission): Promise<Collection> {
  const { args, find, format, output } = submission;
  const { extension } = formatOf(format);
  const existing: { path: string; target: string }[] = [];
  const failed: { path: string; error: SottoError }[] = [];
  const files: FoundFile[] = [];
  for await (const found of findFiles(
    args.filter((arg) => !isUrl(arg)),
    find,
  )) {
    if (found.type === 'file') files.push(found);
    else failed.push({ path: found.path, error: found.error });
  }
  const jobs = new Map<string, Collected>();
  const add = (collected: Collected): void => {
    if (!jobs.has(collected.id)) jobs.set(collected.id, collected);
  };
  // A file argument is printed, as without a queue; the texts of a folder lie next to its files.
  const placed = files.filter(({ root }) => root !== undefined || output !== undefined);
  const targets = targetsOf(placed, { extension, ...defined({ output }) });
  const targetOf = new Map(placed.map((file, index) => [file, targets[index]]));
  for (const file of files) {
    const target = targetOf.get(file);
    if (target !== undefined && (await hasText(target))) {
      existing.push({ path: file.path, target });
      continue;
    }
    const stamp = `${file.bytes} ${file.modifiedMs}`;
    const to: QueueJob['target'] = target === undefined ? { kind: 'queue' } : { kind: 'file', path: target };
    const job = jobOf(submission, displayPath(file.path), { kind: 'path', path: file.path }, to);
    add({ id: jobId(job, stamp), job, path: file.path });
  }
  const addresses = args.filter(isUrl);
  const names = outputNames(addresses.map(fileNameFromUrl), extension);
  for (const [index, url] of addresses.entries()) {
    checkAddress(url);
    const saveAs = output === undefined ? undefined : resolve(output, names[index] ?? '');
    if (saveAs !== undefined && (await hasText(saveAs))) {
      existing.push({ path: url, target: saveAs });
      continue;
    }
    const job = jobOf(submission, displayUrl(url), { kind: 'url', url }, { kind: 'queue' });
    add({ id: jobId(job), job, path: url, ...defined({ saveAs }) });
  }
  const printed = [...jobs.values()].filter(
    ({ job, saveAs }) => job.target.kind === 'queue' && saveAs === undefined,
  );
  if (format === 'html' && printed.length > 1) {
    throw new SottoError('INVALID_ARGUMENT', 'only one HTML report can be printed', {
      hint: 'add --output-dir FOLDER to write one page per file',
    });
  }
  return { jobs: [...jobs.values()], existing, failed };
}

function jobOf(
  { format, writer = {}, options, model }: Submission,
  name: string,
  source: Source,
  target: QueueJob['target'],
): QueueJob {
  const job = {
    version: 2,
    name,
    source,
    target,
    format,
    writer,
    options,
    ...defined({ model }),
  };
  // Validated here, because workers would refuse it.
  return parseJob(job);
}

function checkAddress(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw new SottoError('INVALID_ARGUMENT', `${url} is not a URL`);
  if (parsed.username === '' && parsed.password === '') return;
  throw new SottoError('INVALID_ARGUMENT', 'everyone who can read the queue would see the URL’s password', {
    hint: 'use a signed URL',
  });
}
