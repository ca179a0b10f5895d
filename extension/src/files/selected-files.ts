import { Clipboard, getSelectedFinderItems } from '@raycast/api';
import { readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Extensions that Sotto reads, some only with ffmpeg. Filters the files of a folder; a file selected itself is always tried. */
const AUDIO = new Set(
  (
    'wav wave w64 flac mp3 mp2 m4a m4b m4r aac alac mp4 m4v mov qt 3gp ogg oga opus spx webm weba mka mkv ' +
    'aif aiff aifc caf amr au wma wmv avi ac3 ts mts'
  ).split(' '),
);
/** A longer text on the clipboard is not a list of paths. */
const MAX_PATH_LINES = 500;

interface FoundFiles {
  /** Absolute, in the given order, without duplicates. */
  readonly files: readonly string[];
  /** Why some are missing. */
  readonly remark: string | undefined;
}

/** Empty if another app is frontmost. */
export async function readFinderSelection(): Promise<string[]> {
  try {
    return (await getSelectedFinderItems()).map(({ path }) => path);
  } catch {
    return [];
  }
}

/** Files copied in Finder, or paths copied as text. */
export async function readClipboardFiles(): Promise<string[]> {
  const { file, text } = await Clipboard.read();
  const path = file === undefined ? undefined : parsePath(file);
  if (path === undefined) return parsePaths(text);
  // For several files, Raycast returns the path of the first one and the names of all; they are in one folder.
  const siblings = linesOf(text).map((name) => join(dirname(path), basename(name)));
  return siblings.includes(path) && siblings.every(exists) ? siblings : [path];
}

/** One path per line; empty unless every line is an existing path. */
export function parsePaths(text: string): string[] {
  const lines = linesOf(text);
  if (lines.length > MAX_PATH_LINES) return [];
  const paths = lines.map(parsePath);
  return paths.every((path) => path !== undefined && exists(path))
    ? paths.filter((path) => path !== undefined)
    : [];
}

/** Accepts `/…`, `~/…` and `file:///…`, with or without quotes. */
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

/** Replaces each folder by the audio files directly in it. */
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
      ? `No audio files in “${basename(folder)}”`
      : `No audio files in ${empty.length} folders`;
  }
  if (missingPath === undefined) return undefined;
  return missing.length === 1
    ? `“${basename(missingPath)}” no longer exists`
    : `${missing.length} files no longer exist`;
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
