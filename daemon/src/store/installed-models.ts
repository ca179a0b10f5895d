/** The models that are here: those that the user has, those that come with Sotto, and downloads that have begun. */
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
  /** From the hub, put there by the user, or with Sotto. */
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

/** The user's own before the bundled ones, each by name. */
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

/** Name under which a model lies among the user's: only such a one is taken away. @throws SottoError INVALID_ARGUMENT */
export function removableName(models: string, { name, dir }: ModelRef): string {
  // As a whole: `models/..` lies in no folder of models, whatever its name says.
  const path = resolve(dir);
  const folder = basename(path);
  if (dirname(path) === resolve(models) && !folder.startsWith('.')) return folder;
  throw new SottoError('INVALID_ARGUMENT', `${name} is none of the models in ${models}`, {
    hint: 'what comes with Sotto stays, and folders elsewhere are yours to delete',
  });
}

/** Takes a model away: out of sight at once, so that no half of it is found. @throws SottoError MODEL_NOT_FOUND, BUSY */
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

/** Where `removeModel` puts a model before it deletes it. */
export const REMOVED_NAME = /^\.removed-[0-9a-f]{8}$/;

/**
 * Takes away what no model needs: downloads that were given up, and what was left of removals and conversions. What a
 * process is at stays, and so does what Sotto did not put there.
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
      // Killed before what is not of the model was moved back: while it is whole, the two are told apart.
      const holdsOthers = (): boolean => holdsModel(path) && otherFiles(path).length > 0;
      if (REMOVED_NAME.test(name) && !holdsOthers()) await remove(path, 'a model that was removed');
      if (name.startsWith('.') || name.endsWith('.lock')) continue;
      const lock = tryLock(`${path}.lock`);
      if (lock === undefined) continue;
      try {
        const work = new DownloadFolder(models, name);
        await work.recover();
        const bytes = await work.discard();
        if (bytes !== undefined) pruned.push({ what: `a part of ${name}`, bytes });
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
  return new SottoError('BUSY', `${name} is being pulled by another process`, {
    hint: 'let that come to its end, or stop it, and try again',
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
