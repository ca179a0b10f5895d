/**
 * The working folder of a download, `models/.downloads/<name>/`: `plan.json`, the files in `files/`, and for the
 * moment between two renames the replaced model in `old/`.
 */
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, link, lstat, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { makeFolder } from '../../make-folder.js';
import { MODEL_FILE } from '../../protocol/file-errors.js';
import { readSmallFile } from '../../read-small-file.js';
import { writeFileAtomic } from '../write-file-atomic.js';
import { readRecord, RECORD } from './model-record.js';
import { moveOtherFiles } from './other-files.js';
import type { RemoteModel } from './remote-model.js';
import { isSafeName, safePath } from './safe-path.js';
import { diskError } from './download-errors.js';

export const DOWNLOADS = '.downloads';
/** Far more than the names and hashes of any model's files. */
const MAX_PLAN_BYTES = 2 ** 20;

const planSchema = v.object({
  repo: v.string(),
  commit: v.string(),
  bytes: v.number(),
  files: v.array(
    v.object({
      name: v.pipe(v.string(), v.check(isSafeName)),
      bytes: v.number(),
      sha256: v.exactOptional(v.string()),
      gitBlob: v.exactOptional(v.string()),
    }),
  ),
});
type Plan = v.InferOutput<typeof planSchema>;

export class DownloadFolder {
  readonly path: string;
  readonly files: string;
  /** The final directory of the model. */
  readonly target: string;
  /** The replaced model, between two renames. */
  readonly old: string;
  readonly #plan: string;

  constructor(models: string, name: string) {
    this.path = join(models, DOWNLOADS, name);
    this.files = join(this.path, 'files');
    this.target = join(models, name);
    this.old = join(this.path, 'old');
    this.#plan = join(this.path, 'plan.json');
  }

  /** Undoes a replacement that was interrupted between its two renames. */
  async recover(): Promise<void> {
    if (!existsSync(this.old)) return;
    if (existsSync(this.target)) {
      await moveOtherFiles(this.old, this.target);
      await rm(this.old, { recursive: true, force: true });
    } else await rename(this.old, this.target);
  }

  /** Prepares the folder for these files: files that match the plan stay, others are removed. */
  async prepare({ repo, commit, files, bytes }: RemoteModel): Promise<void> {
    try {
      const before = this.plan();
      makeFolder(this.files);
      const stays = new Set(
        files
          .filter((file) => {
            const was = before?.files.find(({ name }) => name === file.name);
            return (
              was !== undefined &&
              was.bytes === file.bytes &&
              was.sha256 === file.sha256 &&
              was.gitBlob === file.gitBlob
            );
          })
          .flatMap(({ name }) => [name, `${name}.part`, `${name}.part.etag`]),
      );
      for (const entry of await readdir(this.files)) {
        if (!stays.has(entry)) await rm(join(this.files, entry), { recursive: true, force: true });
      }
      await writeFileAtomic(
        this.#plan,
        JSON.stringify({ repo, commit, bytes, files: [...files] } satisfies Plan),
      );
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  /**
   * Links the files of the installed model that are those of the plan, so that only the others are downloaded. Their hashes
   * are verified with all others.
   */
  async linkInstalled({ repo, commit, files }: RemoteModel): Promise<void> {
    const record = readRecord(this.target);
    if (record?.repo !== repo) return;
    for (const { name, bytes, sha256 } of files) {
      const installed = record.files.find((file) => file.name === name);
      const isSame = sha256 === undefined ? record.revision === commit : installed?.sha256 === sha256;
      if (installed === undefined || !isSame) continue;
      const [from, to] = [safePath(this.target, name), safePath(this.files, name)];
      const found = await lstat(from).catch(() => undefined);
      if (found?.isFile() !== true || found.size !== bytes || existsSync(to)) continue;
      try {
        await link(from, to).catch(() => copyFile(from, to)); // some file systems have no links
        for (const part of [`${to}.part`, `${to}.part.etag`]) await rm(part, { force: true });
      } catch (error) {
        throw diskError(error, to);
      }
    }
  }

  plan(): Plan | undefined {
    try {
      const parsed = v.safeParse(
        planSchema,
        JSON.parse(readSmallFile(this.#plan, MAX_PLAN_BYTES, MODEL_FILE)),
      );
      return parsed.success ? parsed.output : undefined;
    } catch {
      return undefined;
    }
  }

  /** Bytes that were downloaded before. */
  async downloadedBytes(): Promise<number> {
    return folderBytes(this.files);
  }

  /**
   * Turns the files into the model in one step. An older model of the same name is replaced; files that don't
   * belong to it stay.
   */
  async publish(): Promise<void> {
    try {
      await syncFolder(this.files);
      const isThere = existsSync(this.target);
      if (isThere) await rename(this.target, this.old);
      await rename(this.files, this.target);
      if (isThere) await moveOtherFiles(this.old, this.target);
      await syncFolder(join(this.target, '..'));
      await rm(this.path, { recursive: true, force: true });
    } catch (error) {
      throw diskError(error, this.target);
    }
  }

  /**
   * Paths of the plan, its drafts and the complete or partial files that it names, and of their folders, inner ones
   * first. Sotto downloaded nothing else.
   */
  own(): { readonly files: readonly string[]; readonly folders: readonly string[] } {
    const plan = this.plan();
    if (plan === undefined) return { files: [], folders: [this.files, this.path] };
    const names = [...plan.files.map(({ name }) => name), RECORD];
    const parts = names.flatMap((name) => ['', '.part', '.part.etag'].map((end) => `${name}${end}`));
    const plans = namesIn(this.path).filter((name) => PLAN.test(name));
    const below = [...new Set(names.flatMap((name) => foldersOf(name)))].sort().reverse();
    return {
      files: [...parts.map((name) => join(this.files, name)), ...plans.map((name) => join(this.path, name))],
      folders: [...below.map((name) => join(this.files, name)), this.files, this.path],
    };
  }

  /**
   * Removes the download and the folders that are empty afterwards.
   * @returns bytes removed; undefined if there was nothing
   */
  async discard(): Promise<number | undefined> {
    const { files, folders } = this.own();
    let bytes = 0;
    for (const path of files) {
      const size = (await lstat(path).catch(() => undefined))?.size;
      if (size === undefined) continue;
      await rm(path);
      bytes += size;
    }
    let isRemoved = false;
    for (const folder of folders)
      isRemoved = await rmdir(folder).then(
        () => true,
        () => false,
      );
    return bytes > 0 || isRemoved ? bytes : undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The plan, and its drafts left by a kill. */
const PLAN = /^plan\.json(\.[0-9a-f]{8}\.new)?$/;

/** `a/b` and `a` for `a/b/c`. */
function foldersOf(name: string): string[] {
  const folder = dirname(name);
  return folder === '.' ? [] : [folder, ...foldersOf(folder)];
}

/** Bytes of all files below a folder; 0 if it doesn't exist. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await folderBytes(path);
    else if (entry.isFile()) bytes += (await stat(path).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

/** Syncs a folder's entries to disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
