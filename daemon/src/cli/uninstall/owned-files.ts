/** Proves that Sotto wrote a file. Uninstalling removes nothing else, even in shared folders. */
import { closeSync, existsSync, lstatSync, openSync, readdirSync, readSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TEXT_INPUT } from '../../protocol/file-errors.js';
import { MADE_MODEL } from '../../protocol/model-files.js';
import { tryReadConvertedFiles } from '../../converted-files.js';
import { readSmallFile } from '../../read-small-file.js';
import { readRecord, RECORD } from '../../store/download/model-record.js';
import { DOWNLOADS, DownloadFolder } from '../../store/download/download-folder.js';
import { REMOVED_NAME } from '../../store/installed-models.js';
import { isDraft } from '../../store/recordings.js';
import { DatabaseSync } from '../../store/sqlite/database.js';

const MAX_TEXT_BYTES = 2 ** 20;

/** Sotto's files in one place. */
export interface OwnedFiles {
  readonly files: readonly string[];
  /** Removed recursively. */
  readonly trees: readonly string[];
  /** Removed if empty, in this order. */
  readonly folders: readonly string[];
}

export type Finder = (path: string, stats: Stats) => OwnedFiles | undefined;

const NONE: OwnedFiles = { files: [], trees: [], folders: [] };
const file = (path: string): OwnedFiles => ({ ...NONE, files: [path] });

/** A file with matching content. */
export function fileMatching(proves: (path: string, stats: Stats) => boolean): Finder {
  return (path, stats) => (stats.isFile() && proves(path, stats) ? file(path) : undefined);
}

/** A file with a name that only Sotto uses, such as a draft. */
export const withName = fileMatching(() => true);
/** The file or a link to it: the link is removed, its target is kept. */
export const jsonMatching = (isOwned: (json: Readonly<Record<string, unknown>>) => boolean): Finder => {
  return (path, stats) => {
    if (!stats.isFile() && !stats.isSymbolicLink()) return undefined;
    const json = jsonOf(path);
    return json !== undefined && isOwned(json) ? file(path) : undefined;
  };
};
export const socket: Finder = (path, stats) => (stats.isSocket() ? file(path) : undefined);
export const emptyFile = fileMatching((_, { size }) => size === 0);
export const pidFile = fileMatching((path) => /^\d{1,10}\n?$/.test(textOf(path)));
export const database = fileMatching((path, { size }) => size === 0 || isSqlite(path));
export const token = fileMatching((path) => /^sotto_/.test(textOf(path)));

/** Some files of a folder, by name and proof. */
export function folderContaining(files: readonly (readonly [RegExp, Finder])[]): Finder {
  return (path, stats) => {
    if (!stats.isDirectory()) return undefined;
    const own = namesIn(path).flatMap((name) => {
      const finder = files.find(([pattern]) => pattern.test(name))?.[1];
      const inner = join(path, name);
      return finder?.(inner, lstatSync(inner)) ?? [];
    });
    // A non-empty folder without Sotto's files is foreign.
    if (own.length === 0 && namesIn(path).length > 0) return undefined;
    return {
      files: own.flatMap(({ files: all }) => all),
      trees: own.flatMap(({ trees }) => trees),
      folders: [...own.flatMap(({ folders }) => folders), path],
    };
  };
}

/** A whole folder with a name that only Sotto uses. */
export const tree: Finder = (path, stats) => (stats.isDirectory() ? { ...NONE, trees: [path] } : undefined);

export const link: Finder = (path, stats) => (stats.isSymbolicLink() ? file(path) : undefined);

export const spool = folderContaining([
  [
    /^[A-Za-z0-9-]{1,64}\.(spool|unsent|recording|unheard|heard)$/,
    fileMatching((path, { size }) => size === 0 || isSpool(path)),
  ],
  [/^[A-Za-z0-9-]{1,64}\.(events|said)$/, withName],
]);

export const uploads = folderContaining([
  [/^[0-9a-f]{12}-[0-9a-f]{24}$/, withName],
  [/^input\.\d+\.[0-9a-f]{24}$/, withName],
]);

/** Models downloaded or converted here, by their records; the user's own stay. */
export const models = folderContaining([
  [
    new RegExp(`^\\${DOWNLOADS}$`),
    folderContaining([
      [/\.lock$/, emptyFile],
      [REMOVED_NAME, tree],
      [/^[^.]/, download],
    ]),
  ],
  [
    /^\..+\.(new|old)-[0-9a-f]{8}$/,
    tree, // left by a killed conversion
  ],
  [/^[^.]/, model],
]);

/** Files of an unfinished download. */
function download(path: string, stats: Stats): OwnedFiles | undefined {
  if (!stats.isDirectory()) return undefined;
  const work = new DownloadFolder(dirname(dirname(path)), basename(path));
  const { files, folders } = work.own();
  const before = existsSync(work.old) ? model(work.old, lstatSync(work.old)) : undefined;
  return {
    files: [...files.filter(isFile), ...(before?.files ?? [])],
    trees: [],
    folders: [...(before?.folders ?? []), ...folders],
  };
}

function model(path: string, stats: Stats): OwnedFiles | undefined {
  if (!stats.isDirectory()) return undefined;
  const pulled = readRecord(path)?.files.map(({ name }) => name);
  const names = pulled === undefined ? tryReadConvertedFiles(path) : [...pulled, RECORD];
  if (names === undefined) return undefined;
  const files = [...names, MADE_MODEL].map((name) => join(path, name)).filter(isFile);
  const folders = namesIn(path)
    .map((name) => join(path, name))
    .filter((inner) => lstatSync(inner).isDirectory());
  return { files, trees: [], folders: [...folders, path] };
}

/** Recordings named by the history, and their drafts. */
export function recordings(history: string): Finder {
  const written = namesOfRecordings(history);
  return (path, stats) =>
    folderContaining([
      [
        /^[A-Za-z0-9-]{1,64}\.wav$/,
        (inner) => (written.has(inner.slice(path.length + 1)) ? file(inner) : undefined),
      ],
      [/^\./, (inner) => (isDraft(inner.slice(path.length + 1)) ? file(inner) : undefined)],
    ])(path, stats);
}

function namesOfRecordings(history: string): ReadonlySet<string> {
  if (!isFile(history) || !isSqlite(history)) return new Set();
  try {
    const db = new DatabaseSync(history);
    try {
      const tables = [
        'SELECT audio AS name FROM dictation WHERE audio IS NOT NULL',
        'SELECT name FROM recording',
      ];
      const rows = tables.flatMap((sql): unknown[] => {
        try {
          return db.prepare(sql).all();
        } catch {
          return []; // an earlier version has no such table
        }
      });
      return new Set(rows.map((row) => String(Reflect.get(Object(row) as object, 'name'))));
    } finally {
      db.close();
    }
  } catch {
    return new Set();
  }
}

export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isSqlite(path: string): boolean {
  return startOf(path) === 'SQLite format 3\0';
}

function isSpool(path: string): boolean {
  return startOf(path).startsWith('SOTTOPCM');
}

export function startOf(path: string): string {
  const bytes = Buffer.alloc(16);
  try {
    const fd = openSync(path, 'r');
    try {
      return bytes.toString('latin1', 0, readSync(fd, bytes, 0, 16, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}

/** The text of a regular file of up to a megabyte; otherwise empty. */
export function textOf(path: string): string {
  try {
    return readSmallFile(path, MAX_TEXT_BYTES, TEXT_INPUT);
  } catch {
    return '';
  }
}

function jsonOf(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(textOf(path));
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}
