/** The models that can take the place of one that is too large: the next smaller one first. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ModelRef } from '../protocol/ipc.js';
import { catalogueEntry } from './catalogue/index.js';
import { findModel, modelNames, type ModelDirs } from './find-model.js';

/**
 * Models that are here and take less room on the disk, the largest first. None that knows fewer languages. A folder of the
 * user's is not looked into: where macOS asks for permission, that would not return. Any model may take its place.
 */
export function smallerModels(dirs: ModelDirs, { name, dir }: ModelRef): ModelRef[] {
  const isOurs = [dirs.models, dirs.bundled].includes(dirname(dir));
  const maxBytes = isOurs ? bytesOf(dir) : Infinity;
  const needsAll = !isEnglish(name);
  return modelNames(dirs)
    .map((other) => findModel(dirs, other))
    .map((ref) => ({ ref, bytes: bytesOf(ref.dir) }))
    .filter(
      ({ ref, bytes }) =>
        ref.dir !== dir && bytes > 0 && bytes < maxBytes && !(needsAll && isEnglish(ref.name)),
    )
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ ref }) => ref);
}

function isEnglish(name: string): boolean {
  return catalogueEntry(name)?.languages === 'English' || /\.en\b/.test(name);
}

/** Of the files in a folder; 0 if there is none. */
function bytesOf(dir: string): number {
  try {
    return readdirSync(dir).reduce((sum, file) => sum + statSync(join(dir, file)).size, 0);
  } catch {
    return 0;
  }
}
