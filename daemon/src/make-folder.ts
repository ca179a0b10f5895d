/** A folder and the missing ones above it. */
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
 * In place of Node's recursive mkdir, which never returns where a folder exists and the system says ENOENT to a new folder in
 * it (as below /proc): Node then makes the parent, finds that it exists, and tries again. Each folder is tried once here.
 * @param mode of the folders that are made; what is usual when left out
 * @throws the error of the system about the first folder that can't be made
 */
export function makeFolder(path: string, mode?: number, calls: FolderCalls = SYSTEM): void {
  const missing: string[] = [];
  for (let at = resolve(path); !isFolder(at, calls); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    try {
      calls.mkdir(folder, mode);
    } catch (error) {
      // Another process has made it meanwhile.
      if (codeOf(error) !== 'EEXIST' || !isFolder(folder, calls)) throw error;
    }
  }
}

/** @throws the error of the system, unless it is that nothing is there */
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
