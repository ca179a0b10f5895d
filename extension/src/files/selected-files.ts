/** The files that somebody means: selected in Finder, on the clipboard, or in a folder that is one of those. */
import { Clipboard, getSelectedFinderItems } from '@raycast/api';
import { readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What Sotto reads, with ffmpeg’s help where it is installed. Only asked of what lies in a folder: else the sound decides. */
const AUDIO = new Set(
  (
    'wav wave w64 flac mp3 mp2 m4a m4b m4r aac alac mp4 m4v mov qt 3gp ogg oga opus spx webm weba mka mkv ' +
    'aif aiff aifc caf amr au wma wmv avi ac3 ts mts'
  ).split(' '),
);
/** A text is looked at for paths only if it is about as short as paths are. */
const MAX_PATH_LINES = 500;

interface FoundFiles {
  /** Absolute, in their order, each once. */
  readonly files: readonly string[];
  /** Why there may be fewer than were named. */
  readonly remark: string | undefined;
}

/** What is selected in Finder; nothing if another app is in front. */
export async function readFinderSelection(): Promise<string[]> {
  try {
    return (await getSelectedFinderItems()).map(({ path }) => path);
  } catch {
    return [];
  }
}

/** Files that were copied in Finder, or paths that were copied as text. */
export async function readClipboardFiles(): Promise<string[]> {
  const { file, text } = await Clipboard.read();
  const path = file === undefined ? undefined : parsePath(file);
  if (path === undefined) return parsePaths(text);
  // Raycast names the first of several; their names are the text, and they were copied out of one folder.
  const siblings = linesOf(text).map((name) => join(dirname(path), basename(name)));
  return siblings.includes(path) && siblings.every(exists) ? siblings : [path];
}

/** The paths that a text consists of, one a line; none if it is any other text. */
export function parsePaths(text: string): string[] {
  const lines = linesOf(text);
  if (lines.length > MAX_PATH_LINES) return [];
  const paths = lines.map(parsePath);
  return paths.every((path) => path !== undefined && exists(path))
    ? paths.filter((path) => path !== undefined)
    : [];
}

/** An absolute path out of what people and programs write: `file:///…`, `~/…`, in quotes. */
export function parsePath(written: string): string | undefined {
  const bare = written.trim().replace(/^(['"])(.*)\1$/, '$2');
  if (bare.startsWith('file://')) {
    try {
      return fileURLToPath(bare);
    } catch {
      return undefined;
    }
  }
  if (bare.startsWith('~/')) return join(homedir(), bare.slice(2));
  return bare.startsWith('/') ? bare : undefined;
}

/** Folders give what audio lies directly in them. */
export function expandFolders(paths: readonly string[]): FoundFiles {
  const files = new Set<string>();
  const empty: string[] = [];
  const missing: string[] = [];
  for (const path of paths) {
    const kind = kindOf(path);
    if (kind === 'file') files.add(path);
    else if (kind === undefined) missing.push(path);
    else {
      const inside = audioFilesIn(path);
      if (inside.length === 0) empty.push(path);
      inside.forEach((file) => files.add(file));
    }
  }
  return { files: [...files], remark: problemText(empty, missing) };
}

function audioFilesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.') && AUDIO.has(extname(name).slice(1).toLowerCase()))
      .sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))
      .map((name) => join(folder, name))
      .filter((path) => kindOf(path) === 'file');
  } catch {
    return [];
  }
}

function problemText(empty: readonly string[], missing: readonly string[]): string | undefined {
  const [folder] = empty;
  const [missingPath] = missing;
  if (folder !== undefined) {
    return empty.length === 1
      ? `There is no audio in “${basename(folder)}”`
      : `There is no audio in ${empty.length} folders`;
  }
  if (missingPath === undefined) return undefined;
  return missing.length === 1
    ? `“${basename(missingPath)}” is not there any more`
    : `${missing.length} files are not there any more`;
}

function kindOf(path: string): 'file' | 'folder' | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  return stats.isDirectory() ? 'folder' : 'file';
}

function exists(path: string): boolean {
  try {
    return kindOf(path) !== undefined;
  } catch {
    return false;
  }
}

function linesOf(text: string): string[] {
  return text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
