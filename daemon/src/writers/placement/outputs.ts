/**
 * The rule for files that Sotto writes: without `--overwrite`, a file is replaced only if Sotto wrote it and it was not
 * edited since, or if it is empty. Workers share folders with machines that don't know about each other, so they
 * replace nothing (`placeText` with `keep`); neither does the Raycast extension.
 */
import { constants, type Stats } from 'node:fs';
import { access, lstat, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Paths } from '../../paths.js';
import { codeOf, SottoError } from '../../protocol/errors.js';
import { fileError, OUTPUT_FILE } from '../../protocol/file-errors.js';
import type { WrittenTexts } from '../../store/batch/written-texts.js';
import { digestOf } from './digest.js';
import { digestOfHandle, placeText } from './place-text.js';
import { writeStream } from './write-stream.js';

/** `edited`: changed since Sotto wrote it. `foreign`: not known to be written by Sotto. */
export type KeptReason = 'edited' | 'foreign';

/** What exists at the path of a text. */
type TargetState =
  | { readonly state: 'free' }
  /** A text as Sotto wrote it, with the `origin` passed to `place`. */
  | { readonly state: 'unchanged'; readonly origin?: string }
  | { readonly state: 'kept'; readonly reason: KeptReason };

export interface OutputOptions {
  /** Hash of what the text depends on. */
  readonly origin?: string;
  /** Whether to create missing folders (default true). */
  readonly makeFolder?: boolean;
  /** Cancels waiting for the reader of a named pipe. */
  readonly signal?: AbortSignal;
}

type WrittenRecords = Pick<WrittenTexts, 'find' | 'knows' | 'placing' | 'placed' | 'notPlaced'>;

export class Outputs {
  readonly #records: WrittenRecords;
  readonly #overwrite: boolean;

  /** @param overwrite whether foreign and edited files are replaced, too */
  constructor(records: WrittenRecords, overwrite: boolean) {
    this.#records = records;
    this.#overwrite = overwrite;
  }

  /** What exists at `path`; with `overwrite` it is always free. */
  async targetState(path: string): Promise<TargetState> {
    const stats = await statsOf(path);
    if (stats === undefined || (await isStream(path, stats))) return { state: 'free' };
    if (stats.isDirectory()) throw outputFailed(path, 'it is a folder');
    if (stats.isBlockDevice()) throw outputFailed(path, 'it is a disk');
    const key = await keyOf(path);
    const digest = stats.isFile() ? await digestOfFile(path) : undefined;
    const known = digest === undefined ? undefined : this.#records.find(key, digest);
    if (known !== undefined) return { state: 'unchanged', ...known };
    if (this.#overwrite || (stats.isFile() && stats.size === 0)) return { state: 'free' };
    return { state: 'kept', reason: this.#reason(key) };
  }

  /** @throws SottoError OUTPUT_EXISTS if the rule keeps a file; OUTPUT_FAILED if no file can be written */
  async assertWritable(path: string): Promise<void> {
    await mustBeWritable(dirname(path), path);
    const targetState = await this.targetState(path);
    if (targetState.state === 'kept') throw keptError(path, targetState.reason);
  }

  /**
   * Writes a text atomically, following the rule.
   * @returns why an existing file was kept
   * @throws SottoError OUTPUT_FAILED, CANCELLED
   */
  async place(
    path: string,
    text: string,
    { origin, makeFolder = true, signal }: OutputOptions = {},
  ): Promise<'placed' | KeptReason> {
    const stats = await lstat(path).catch(() => undefined);
    if (stats !== undefined && (await isStream(path, stats))) {
      await writeStream(path, text, signal);
      return 'placed';
    }
    const digest = digestOf(text);
    const key = await keyOf(path);
    // Recorded first, so that the next run recognizes the text after a kill.
    this.#records.placing(key, digest, origin);
    const existing = this.#overwrite
      ? 'replace'
      : (there: string): boolean => this.#records.find(key, there) !== undefined;
    const outcome = await placeText(path, text, { existing, makeFolder });
    if (outcome === 'placed') {
      this.#records.placed(await this.#sameKey(path, key, digest, origin), digest);
      return 'placed';
    }
    this.#records.notPlaced(key, digest);
    return this.#reason(key);
  }

  /** @throws SottoError OUTPUT_EXISTS, OUTPUT_FAILED */
  async placeOrFail(path: string, text: string, extras: OutputOptions = {}): Promise<void> {
    const outcome = await this.place(path, text, extras);
    if (outcome !== 'placed') throw keptError(path, outcome);
  }

  #reason(key: string): KeptReason {
    return this.#records.knows(key) ? 'edited' : 'foreign';
  }

  /** A folder that was just created may lie behind a link. */
  async #sameKey(path: string, key: string, digest: string, origin: string | undefined): Promise<string> {
    const newKey = await keyOf(path);
    if (newKey !== key) this.#records.placing(newKey, digest, origin);
    return newKey;
  }
}

/**
 * For a command that writes one or two files. If the records can't be opened, the text is still written and every
 * existing file is kept.
 */
export async function openOutputs(paths: Paths, overwrite: boolean): Promise<Outputs> {
  const { BatchStore } = await import('../../store/batch/batch-store.js');
  try {
    return new Outputs(ignoringErrors(BatchStore.open(paths.batch).written), overwrite);
  } catch {
    return new Outputs(NO_RECORDS, overwrite);
  }
}

const NO_RECORDS: WrittenRecords = {
  find: () => undefined,
  knows: () => false,
  placing: () => undefined,
  placed: () => undefined,
  notPlaced: () => undefined,
};

function ignoringErrors(records: WrittenRecords): WrittenRecords {
  const attempt = <T>(work: () => T, fallback: T): T => {
    try {
      return work();
    } catch {
      return fallback;
    }
  };
  return {
    find: (path, digest) => attempt(() => records.find(path, digest), undefined),
    knows: (path) => attempt(() => records.knows(path), false),
    placing: (path, digest, origin) => attempt(() => records.placing(path, digest, origin), undefined),
    placed: (path, digest) => attempt(() => records.placed(path, digest), undefined),
    notPlaced: (path, digest) => attempt(() => records.notPlaced(path, digest), undefined),
  };
}

export const NO_OUTPUTS = new Outputs(NO_RECORDS, false);

function keptError(path: string, reason: KeptReason): SottoError {
  return new SottoError('OUTPUT_EXISTS', keptText(path, reason));
}

/** `talk.srt has changed since Sotto wrote it`. */
export function keptText(path: string, reason: KeptReason): string {
  return reason === 'edited'
    ? `${path} has changed since Sotto wrote it`
    : `${path} exists, and Sotto did not write it`;
}

/** A device, pipe or socket, also behind a link such as /dev/stdout, is written to and never replaced. */
async function isStream(path: string, stats: Stats): Promise<boolean> {
  const facts = stats.isSymbolicLink() ? await stat(path).catch(() => stats) : stats;
  return facts.isCharacterDevice() || facts.isFIFO() || facts.isSocket();
}

/** One key per place: folders are resolved, a link in the last component is not. */
async function keyOf(path: string): Promise<string> {
  const whole = resolve(path);
  const folder = await realpath(dirname(whole)).catch(() => dirname(whole));
  return join(folder, basename(whole));
}

/** Undefined if it can't be read. */
async function digestOfFile(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return await digestOfHandle(file);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** Undefined if nothing exists. @throws SottoError OUTPUT_FAILED */
async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw fileError(path, error, OUTPUT_FILE);
  }
}

/** Fails before the work, which may take an hour. A device in a read-only folder is writable. */
async function mustBeWritable(folder: string, path: string): Promise<void> {
  try {
    if ((await lstat(path).catch(() => undefined)) !== undefined) return;
    // For a file in place of the folder, `access` would report denied permission.
    if (!(await stat(folder)).isDirectory())
      throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw outputFailed(path, `there is no folder ${folder}`);
    throw fileError(path, error, OUTPUT_FILE);
  }
}

function outputFailed(path: string, why: string): SottoError {
  return new SottoError('OUTPUT_FAILED', `${path} can't be written: ${why}`, { hint: 'give another path' });
}
