/** Resolves `--model`: a path if it looks like one or exists, otherwise a name or a repository. */
import { statSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { modelDirs, type Paths } from '../paths.js';
import { isMissing } from '../protocol/file-errors.js';
import { parseRepo } from './download/model-source.js';
import { modelNames } from './find-model.js';

export function modelArgument(value: string | undefined, paths: Paths): string | undefined {
  if (value === undefined) return undefined;
  // `owner/name` is a repository unless that path exists.
  if (parseRepo(value) !== undefined && statsOf(value) === undefined) return value;
  if (value.includes('/') || value.startsWith('.')) return resolve(value);
  if (modelNames(modelDirs(paths)).includes(value)) return value;
  const stats = statsOf(value);
  return stats === 'unreadable' || stats?.isDirectory() === true ? resolve(value) : value;
}

/** `unreadable`: the path exists but can't be read, such as a loop of links; opening it reports why. */
function statsOf(path: string): Stats | 'unreadable' | undefined {
  try {
    return statSync(path);
  } catch (error) {
    return isMissing(error) ? undefined : 'unreadable';
  }
}
