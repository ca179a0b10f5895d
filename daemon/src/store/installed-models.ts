/** Installed models: the user's, the bundled ones, and unfinished downloads. */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { SottoError } from '../protocol/errors.js';
import type { ModelRef } from '../protocol/ipc.js';
import { CATALOGUE, type CatalogueEntry } from './catalogue/index.js';
import { readRecord, type ModelRecord } from './download/model-record.js';
import { holdsModel, moveOtherFiles, otherFiles } from './download/other-files.js';
import { diskError } from './download/download-errors.js';
import { DOWNLOADS, folderBytes, DownloadFolder } from './download/download-folder.js';
import type { ModelDirs } from './find-model.js';
import { tryLock } from './process-lock.js';
import { defined } from '../protocol/defined.js';

export interface InstalledModel {
  readonly name: string;
  readonly dir: string;
  readonly bytes: number;
  /** Downloaded, put there by the user, or shipped with Sotto. */
  readonly from: 'hub' | 'user' | 'sotto';
  readonly record?: ModelRecord;
  readonly entry?: CatalogueEntry;
}

export interface PartialDownload {
  readonly name: string;
  readonly repo: string;
  readonly downloadedBytes: number;
  readonly totalBytes: number;
}

/** The user's models before the bundled ones, each sorted by name. */
export async function installedModels({ models, bundled }: ModelDirs): Promise<InstalledModel[]> {
  const all: InstalledModel[] = [];
  for (const [modelsDir, isBundled] of [
    [models, false],
    [bundled, true],
  ] as const) {
    for (const name of foldersIn(modelsDir)) {
      const dir = join(modelsDir, name);
      const record = isBundled ? undefined : readRecord(dir);
      const entry = CATALOGUE.find((one) => record !== undefined && one.repo === record.repo);
      all.push({
        name,
        dir,
        bytes: await folderBytes(dir),
        from: isBundled ? 'sotto' : record === undefined ? 'user' : 'hub',
        ...defined({ record, entry }),
      });
    }
  }
  return all;
}

export async function partialDownloads(models: string): Promise<PartialDownload[]> {
  const found: PartialDownload[] = [];
  for (const name of foldersIn(join(models, DOWNLOADS))) {
    const work = new DownloadFolder(models, name);
    const plan = work.plan();
    if (plan === undefined) continue;
    found.push({
      name,
      repo: plan.repo,
      downloadedBytes: await work.downloadedBytes(),
      totalBytes: plan.bytes,
    });
  }
  return found;
}

/**
 * The name of a model in the user's models directory, the only models that may be removed.
 * @throws SottoError INVALID_ARGUMENT
 */
export function removableName(models: string, { name, dir }: ModelRef): string {
  // Resolved first: `models/..` isn't in the models directory, whatever its name.
  const path = resolve(dir);
  const folder = basename(path);
  if (dirname(path) === resolve(models) && !folder.startsWith('.')) return folder;
  throw new SottoError('INVALID_ARGUMENT', `${name} is not one of the models in ${models}`, {
    hint: 'bundled models can’t be removed; delete folders elsewhere yourself',
  });
}

/**
 * Removes a model. It is renamed first, so that no partial model is found.
 * @throws SottoError MODEL_NOT_FOUND, BUSY
 */
export async function removeModel(models: string, name: string): Promise<void> {
  const dir = join(models, name);
  if (!existsSync(dir) || !holdsModel(dir))
    throw new SottoError('MODEL_NOT_FOUND', `there is no model named ${name} in ${models}`);
  const downloads = join(models, DOWNLOADS);
  const trash = join(downloads, `.removed-${randomUUID().slice(0, 8)}`);
  try {
    makeFolder(downloads);
    const lock = tryLock(join(downloads, `${name}.lock`));
    if (lock === undefined) throw pullInProgress(name);
    try {
      await rename(dir, trash);
      if (otherFiles(trash).length > 0) {
        makeFolder(dir);
        await moveOtherFiles(trash, dir);
      }
    } finally {
      lock.release();
    }
    await rm(trash, { recursive: true, force: true });
  } catch (error) {
    throw diskError(error, dir);
  }
}

interface Pruned {
  readonly what: string;
  readonly bytes: number;
}

/** The name that `removeModel` gives to a model before deleting it. */
export const REMOVED_NAME = /^\.removed-[0-9a-f]{8}$/;

/**
 * Removes leftovers: abandoned downloads, and remains of removals and conversions. Files that a process is using
 * stay, and so do files that Sotto didn't write.
 */
export async function pruneModels(models: string): Promise<Pruned[]> {
  const downloads = join(models, DOWNLOADS);
  const pruned: Pruned[] = [];
  const remove = async (path: string, what: string): Promise<void> => {
    pruned.push({ what, bytes: await folderBytes(path) });
    await rm(path, { recursive: true, force: true });
  };
  try {
    for (const name of entriesOf(downloads)) {
      const path = join(downloads, name);
      // A kill may precede moving the user's files back: they can be told apart while the model is complete.
      const holdsOthers = (): boolean => holdsModel(path) && otherFiles(path).length > 0;
      if (REMOVED_NAME.test(name) && !holdsOthers()) await remove(path, 'a removed model');
      if (name.startsWith('.') || name.endsWith('.lock')) continue;
      const lock = tryLock(`${path}.lock`);
      if (lock === undefined) continue;
      try {
        const work = new DownloadFolder(models, name);
        await work.recover();
        const bytes = await work.discard();
        if (bytes !== undefined) pruned.push({ what: `a partial download of ${name}`, bytes });
      } finally {
        lock.release();
      }
    }
  } catch (error) {
    throw diskError(error, downloads);
  }
  return pruned;
}

function pullInProgress(name: string): SottoError {
  return new SottoError('BUSY', `another process is downloading ${name}`, {
    hint: 'wait until it has finished, or stop it, and try again',
  });
}

function foldersIn(modelsDir: string): string[] {
  try {
    return readdirSync(modelsDir, { withFileTypes: true })
      .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
