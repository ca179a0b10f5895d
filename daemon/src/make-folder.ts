/** Creates a folder and its missing parents. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { codeOf } from './protocol/errors.js';

interface FolderCalls {
  readonly stat: (path: string) => { isDirectory(): boolean };
  readonly mkdir: (path: string, mode: number | undefined) => void;
}

const SYSTEM: FolderCalls = {
  stat: (path) => statSync(path),
  mkdir: (path, mode) => mkdirSync(path, mode === undefined ? {} : { mode }),
};

/**
 * Replaces Node's recursive mkdir, which never returns if a folder exists and the system reports ENOENT for a new
 * folder in it (as below /proc): Node creates the parent, finds that it exists, and tries again. Here each folder
 * is tried once.
 * @param mode of the created folders; the default if left out
 * @throws the system's error for the first folder that can't be created
 */
export function makeFolder(path: string, mode?: number, calls: FolderCalls = SYSTEM): void {
  const missing: string[] = [];
  for (let at = resolve(path); !isFolder(at, calls); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    try {
      calls.mkdir(folder, mode);
    } catch (error) {
      // Another process has created it meanwhile.
      if (codeOf(error) !== 'EEXIST' || !isFolder(folder, calls)) throw error;
    }
  }
}

/** @throws the system's error, except ENOENT */
function isFolder(path: string, { stat }: FolderCalls): boolean {
  try {
    if (stat(path).isDirectory()) return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && dirname(path) !== path) return false;
    throw error;
  }
  throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), {
    code: 'ENOTDIR',
    syscall: 'mkdir',
    path,
  });
}
