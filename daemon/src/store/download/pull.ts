/** Pulls a model from the Hub into the models directory. `pullModel` is the entry point of all downloads. */
import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../clock.js';
import { makeFolder } from '../../make-folder.js';
import { throwIfCancelled } from '../../async.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { acquireLock } from '../process-lock.js';
import { writeFileAtomic } from '../write-file-atomic.js';
import { checkFreeSpace, freeBytesOf, type FreeBytes } from './disk-space.js';
import { fetchFile, type HubFileSource } from './fetch-file.js';
import { FileHash, readThrough } from './file-hash.js';
import { readRecord, RECORD, type ModelRecord } from './model-record.js';
import { isModelName, modelSource, type ModelSource } from './model-source.js';
import { ProgressMeter, type DownloadProgress } from './download-progress.js';
import { fetchRemoteModel, type RemoteModel } from './remote-model.js';
import { withRetries } from './retry.js';
import { safePath } from './safe-path.js';
import { hubSettings, type HubSettings } from './hub-settings.js';
import { openTransport, type Transport } from './transport.js';
import { diskError } from './download-errors.js';
import { adapterLanguage, type RemoteFile } from './select-files.js';
import { DOWNLOADS, DownloadFolder } from './download-folder.js';

export interface PullOptions {
  /** The directory that holds the models. */
  readonly models: string;
  /** A name or alias of the catalogue, or `owner/name`, either with `@revision`. */
  readonly wanted: string;
  /** Name of the local model; its own name if left out. */
  readonly as?: string;
  /** Codes of the languages to have adapters for (MMS); those that are installed stay. */
  readonly languages?: readonly string[];
  /** Download it even if it exists. */
  readonly again?: boolean;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: PullEvent) => void;
  readonly settings?: HubSettings;
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly freeBytes?: FreeBytes;
}

export type PullEvent =
  /** Resolving the repository on the Hub. */
  | { readonly type: 'resolving'; readonly repo: string }
  /** Waiting for another process that pulls this model. */
  | { readonly type: 'waiting' }
  /** What will be downloaded. `downloadedBytes` exist from an earlier try or in the installed model. */
  | {
      readonly type: 'found';
      readonly name: string;
      readonly model: RemoteModel;
      readonly downloadedBytes: number;
    }
  | ({ readonly type: 'progress' } & DownloadProgress)
  /** A transient failure; the next try is in `waitMs`. */
  | { readonly type: 'retry'; readonly why: string; readonly waitMs: number };

export interface Pulled {
  readonly name: string;
  readonly dir: string;
  readonly record: ModelRecord;
  readonly outcome: 'pulled' | 'updated' | 'up-to-date';
}

/** Files in parallel: one large file fills a connection, and more files may get requests limited. */
const MAX_PARALLEL_FILES = 3;
/** How often all files are verified if one has changed on disk after its download. */
const MAX_ROUNDS = 2;

/**
 * Downloads a model, or resumes an earlier download. A directory under `models` is always complete and correct,
 * even if this process is killed.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_UNSUPPORTED, MODEL_EXISTS, DOWNLOAD_FAILED, DOWNLOAD_DENIED,
 *   DOWNLOAD_CORRUPT, INSUFFICIENT_DISK, CANCELLED. After each but DOWNLOAD_CORRUPT, a later try resumes.
 */
export async function pullModel(options: PullOptions): Promise<Pulled> {
  const source = modelSource(options.wanted);
  const name = options.as ?? source.name;
  if (!isModelName(name)) {
    throw new SottoError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(name.slice(0, 80))} is not a valid model name`,
      {
        hint: 'use letters, digits, dots, dashes and underscores',
      },
    );
  }
  const { models, signal, clock = systemClock, onEvent = () => undefined } = options;
  // Only the Hub knows which files the languages need.
  const isAnyLanguage = options.languages === undefined;
  const present = isAnyLanguage
    ? presentModel(models, name, source, source.revision, options.again)
    : undefined;
  if (present !== undefined) return present;
  const settings = options.settings ?? hubSettings();
  const transport = options.transport ?? openTransport({ settings });
  try {
    try {
      makeFolder(join(models, DOWNLOADS));
    } catch (error) {
      throw diskError(error, models);
    }
    const lock = await acquireLock(join(models, DOWNLOADS, `${name}.lock`), {
      clock,
      signal,
      onWait: () => onEvent({ type: 'waiting' }),
    });
    try {
      return await pullLocked(name, source, { ...options, settings, transport, clock, onEvent });
    } finally {
      lock.release();
    }
  } finally {
    if (options.transport === undefined) await transport.close();
  }
}

const MAX_OFFLINE_TRIES = 2;

type ResolvedOptions = PullOptions &
  Required<Pick<PullOptions, 'settings' | 'transport' | 'clock' | 'onEvent'>>;

async function pullLocked(name: string, source: ModelSource, options: ResolvedOptions): Promise<Pulled> {
  const { models, signal, clock, onEvent, settings, transport, freeBytes = freeBytesOf } = options;
  const work = new DownloadFolder(models, name);
  await work.recover();
  onEvent({ type: 'resolving', repo: source.repo });
  const onWait = (why: string, waitMs: number) => onEvent({ type: 'retry', why, waitMs });
  const wanted = {
    ...source,
    ...defined({ languages: allLanguages(join(models, name), options.languages) }),
  };
  const model = await withRetries(() => fetchRemoteModel(wanted, settings, transport, signal), {
    clock,
    signal,
    onWait,
    // Only before the first byte: a connection that is lost later gets more time.
    offlineTries: MAX_OFFLINE_TRIES,
  });
  // The previous holder of the lock may have pulled it.
  const there = presentModel(models, name, source, model.commit, options.again);
  const present = there !== undefined && hasAll(there.record, model) ? there : undefined;
  if (present !== undefined) return present;
  const isUpdate = existsSync(work.target);
  await work.prepare(model);
  if (options.again !== true) await work.linkInstalled(model);
  const downloadedBytes = await work.downloadedBytes();
  await checkFreeSpace(work.path, Math.max(0, model.bytes - downloadedBytes), freeBytes);
  onEvent({ type: 'found', name, model, downloadedBytes });
  const from: HubFileSource = {
    repo: model.repo,
    commit: model.commit,
    endpoint: settings.endpoint,
    transport,
  };
  const hashes = await fetchAndVerify(work, model, from, options);
  const record: ModelRecord = {
    version: 1,
    repo: model.repo,
    revision: model.commit,
    pulledAt: new Date().toISOString(),
    files: model.files.map(({ name: file, bytes }) => ({
      name: file,
      bytes,
      sha256: hashes.get(file) ?? '',
    })),
  };
  throwIfCancelled(signal);
  await writeFileAtomic(join(work.files, RECORD), `${JSON.stringify(record, null, 2)}\n`).catch(
    (error: unknown) => {
      throw diskError(error, work.files);
    },
  );
  await work.publish();
  return { name, dir: work.target, record, outcome: isUpdate ? 'updated' : 'pulled' };
}

/** SHA-256 of each file, read back from disk. */
async function fetchAndVerify(
  work: DownloadFolder,
  { files, bytes, repo }: RemoteModel,
  from: HubFileSource,
  { signal, clock, onEvent }: ResolvedOptions,
): Promise<Map<string, string>> {
  for (let round = 1; ; round++) {
    const meter = new ProgressMeter('downloading', bytes, clock);
    const reportProgress = () => onEvent({ type: 'progress', ...meter.now() });
    await inParallel(files, signal, (file, part) =>
      fetchFile(work.files, file, from, {
        signal: part,
        clock,
        meter,
        onBytes: reportProgress,
        onRetry: (why, waitMs) => onEvent({ type: 'retry', why, waitMs }),
      }),
    );
    reportProgress();
    const { hashes, wrong } = await verify(work, files, bytes, { signal, clock, onEvent });
    if (wrong.length === 0) return hashes;
    for (const { name } of wrong) await rm(safePath(work.files, name), { force: true });
    if (round >= MAX_ROUNDS) {
      throw new SottoError(
        'DOWNLOAD_CORRUPT',
        `${wrong.map(({ name }) => name).join(', ')} of ${repo} changed on the disk after the download`,
        { hint: 'the disk may be failing: check it before you try again' },
      );
    }
  }
}

async function verify(
  work: DownloadFolder,
  files: readonly RemoteFile[],
  bytes: number,
  { signal, clock, onEvent }: Pick<ResolvedOptions, 'signal' | 'clock' | 'onEvent'>,
): Promise<{ hashes: Map<string, string>; wrong: RemoteFile[] }> {
  const meter = new ProgressMeter('verifying', bytes, clock);
  const hashes = new Map<string, string>();
  const wrong: RemoteFile[] = [];
  for (const file of files) {
    const hash = new FileHash(file);
    const path = safePath(work.files, file.name);
    try {
      // Detects an extra byte, too.
      await readThrough(path, file.bytes + 1, signal, (chunk) => {
        hash.update(chunk);
        meter.addReceived(chunk.length);
        onEvent({ type: 'progress', ...meter.now() });
      });
    } catch (error) {
      throw diskError(error, path);
    }
    const { sha256, isIntact } = hash.finish();
    hashes.set(file.name, sha256);
    if (!isIntact) wrong.push(file);
  }
  return { hashes, wrong };
}

/** Runs a few at a time; the first failure cancels the others. */
async function inParallel<T>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const queue = [...items];
  const errors: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await work(item, either);
      } catch (error) {
        errors.push(error);
        failed.abort();
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_PARALLEL_FILES, items.length) }, worker));
  throwIfCancelled(signal);
  if (errors.length > 0) throw errors[0];
}

/** The languages of an installed model and the requested ones; undefined if none were requested and none are installed. */
function allLanguages(dir: string, requested: readonly string[] | undefined): readonly string[] | undefined {
  const installed = existsSync(dir) ? installedLanguages(readRecord(dir)) : [];
  return requested === undefined && installed.length === 0
    ? undefined
    : [...new Set([...installed, ...(requested ?? [])])];
}

function installedLanguages(record: ModelRecord | undefined): string[] {
  return (record?.files ?? []).flatMap(({ name }) => {
    const language = adapterLanguage(name);
    return language === undefined ? [] : [language];
  });
}

function hasAll({ files }: ModelRecord, model: RemoteModel): boolean {
  return model.files.every(({ name }) => files.some((file) => file.name === name));
}

/**
 * The model that already has this name, if it is the requested one.
 *
 * @throws SottoError MODEL_EXISTS if it is another one
 */
function presentModel(
  models: string,
  name: string,
  { repo }: ModelSource,
  commit: string | undefined,
  again = false,
): Pulled | undefined {
  const dir = join(models, name);
  if (!existsSync(dir)) return undefined;
  const record = readRecord(dir);
  if (record?.repo !== repo) {
    const other = record === undefined ? 'a model that wasn’t downloaded' : record.repo;
    throw new SottoError('MODEL_EXISTS', `the name ${name} is taken by another model: ${other}`);
  }
  const isWhole = record.files.every(
    (file) => statSync(join(dir, file.name), { throwIfNoEntry: false })?.size === file.bytes,
  );
  return record.revision === commit && isWhole && !again
    ? { name, dir, record, outcome: 'up-to-date' }
    : undefined;
}
