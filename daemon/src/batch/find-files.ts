/**
 * Finds the files that the arguments name and the audio files in the folders that they name.
 *
 * Files come in the order of the arguments, within a folder sorted by path, each once. Hidden files are skipped. Links
 * to folders are not followed, so there are no loops; a folder argument may be a link.
 */
import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { codeOf, SottoError } from '../protocol/errors.js';
import { hintOf, isMissing, reasonOf } from '../protocol/file-errors.js';
import { isAudioName } from './audio-names.js';
import { globsOf, type GlobFlags, type Globs } from './globs.js';
import { defined } from '../protocol/defined.js';

export interface FoundFile {
  readonly type: 'file';
  /** Absolute. */
  readonly path: string;
  /** Absolute path of the folder argument that contains it; undefined for a file argument. */
  readonly root: string | undefined;
  /** Path relative to the root, with `/`; the file name for a file argument. */
  readonly relative: string;
  readonly bytes: number;
  /** Modification time in whole milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** A file or folder that can't be read. The search continues. */
export interface Unreadable {
  readonly type: 'unreadable';
  readonly path: string;
  readonly root: string | undefined;
  readonly relative: string;
  /** Whether it is a folder, whose files are then unknown. */
  readonly folder: boolean;
  /** AUDIO_NOT_FOUND or AUDIO_UNREADABLE. */
  readonly error: SottoError;
}

export type Found = FoundFile | Unreadable;

export interface FindOptions extends GlobFlags {
  /** Whether to include subfolders. */
  readonly recursive: boolean;
}

/** A file argument is used whatever its name; include, exclude and extensions apply to folder contents only. */
export async function* findFiles(
  args: readonly string[],
  options: FindOptions,
): AsyncGenerator<Found, void, void> {
  const globs = globsOf(options);
  const seen = new Set<string>();
  for (const arg of args) {
    for await (const found of findIn(resolve(arg), options.recursive, globs)) {
      if (seen.has(found.path)) continue;
      seen.add(found.path);
      yield found;
    }
  }
}

async function* findIn(path: string, recursive: boolean, globs: Globs): AsyncGenerator<Found, void, void> {
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (error) {
    yield unreadable({ path, root: undefined, relative: basename(path) }, false, error);
    return;
  }
  if (stats.isDirectory()) yield* walk({ path, root: path, relative: '' }, recursive, globs);
  else yield fileOf({ path, root: undefined, relative: basename(path) }, stats);
}

interface Location {
  readonly path: string;
  readonly root: string | undefined;
  readonly relative: string;
}

async function* walk(folder: Location, recursive: boolean, globs: Globs): AsyncGenerator<Found, void, void> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder.path, { withFileTypes: true });
  } catch (error) {
    // A folder that was removed meanwhile contains nothing.
    if (codeOf(error) !== 'ENOENT' || folder.relative === '') yield unreadable(folder, true, error);
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const entry of entries) {
    const { name } = entry;
    if (name.startsWith('.')) continue;
    const relative = folder.relative === '' ? name : `${folder.relative}/${name}`;
    const location = { path: join(folder.path, name), root: folder.root, relative };
    if (entry.isDirectory()) {
      if (recursive && !globs.excludes(relative)) yield* walk(location, recursive, globs);
      continue;
    }
    if (!isAudioName(name) || !globs.includes(relative)) continue;
    try {
      const stats = await stat(location.path);
      // A link to a folder may have the name of a file.
      if (!stats.isDirectory()) yield fileOf(location, stats);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || entry.isSymbolicLink()) yield unreadable(location, false, error);
    }
  }
}

function fileOf(location: Location, { size, mtimeMs }: Stats): FoundFile {
  return { type: 'file', ...location, bytes: size, modifiedMs: Math.trunc(mtimeMs) };
}

function unreadable(location: Location, folder: boolean, error: unknown): Unreadable {
  const hint = folder ? 'check the folder’s permissions; its files were skipped' : hintOf(error);
  return {
    type: 'unreadable',
    ...location,
    folder,
    error: new SottoError(
      isMissing(error) ? 'AUDIO_NOT_FOUND' : 'AUDIO_UNREADABLE',
      codeOf(error) === 'ENOENT' ? 'file not found' : `can't be read: ${reasonOf(error)}`,
      { cause: error, ...defined({ hint }) },
    ),
  };
}
