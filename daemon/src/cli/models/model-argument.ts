/** What `--model` means: a path where it looks like one or lies here, otherwise a name or a repository. */
import { statSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import type { Paths } from '../../paths.js';
import { isMissing } from '../../protocol/file-errors.js';
import { parseRepo } from '../../store/download/model-source.js';
import { modelNames } from '../../store/find-model.js';
import { modelDirs } from './model-dirs.js';

export function modelArgument(value: string | undefined, paths: Paths): string | undefined {
  if (value === undefined) return undefined;
  // `owner/name` of a pulled model, unless something of that name lies here.
  if (parseRepo(value) !== undefined && statsOf(value) === undefined) return value;
  if (value.includes('/') || value.startsWith('.')) return resolve(value);
  if (modelNames(modelDirs(paths)).includes(value)) return value;
  const stats = statsOf(value);
  return stats === 'unreadable' || stats?.isDirectory() === true ? resolve(value) : value;
}

/** `unreadable`: something is there, such as a loop of links. The one who opens it says why. */
function statsOf(path: string): Stats | 'unreadable' | undefined {
  try {
    return statSync(path);
  } catch (error) {
    return isMissing(error) ? undefined : 'unreadable';
  }
}
