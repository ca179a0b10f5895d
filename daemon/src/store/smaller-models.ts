/** Finds replacements for a model that doesn't fit into memory, the next smaller one first. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ModelRef } from '../protocol/ipc.js';
import { catalogueEntry, isEnglishOnly as isEnglishEntry } from './catalogue/index.js';
import { findModel, modelNames, type ModelDirs } from './find-model.js';
import { includedModels } from './included-models.js';

/**
 * Installed models that are smaller on disk, the largest first, and support as many languages. The user's own
 * directories aren't read, because that would block while macOS asks for permission; any model may replace those.
 */
export function smallerModels(dirs: ModelDirs, { name, dir }: ModelRef): ModelRef[] {
  const isOurs = [dirs.models, dirs.bundled].includes(dirname(dir));
  const maxBytes = isOurs ? bytesOf(dir) : Infinity;
  const isEnglish = (other: string): boolean => isEnglishOnly(dirs, other);
  const needsAll = !isEnglish(name);
  const { codec } = includedModels(dirs.bundled);
  return modelNames(dirs)
    .map((other) => findModel(dirs, other))
    .filter(({ dir: other }) => other !== codec?.dir)
    .map((ref) => ({ ref, bytes: bytesOf(ref.dir) }))
    .filter(
      ({ ref, bytes }) =>
        ref.dir !== dir && bytes > 0 && bytes < maxBytes && !(needsAll && isEnglish(ref.name)),
    )
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ ref }) => ref);
}

function isEnglishOnly({ bundled }: ModelDirs, name: string): boolean {
  if (name === includedModels(bundled).english?.name) return true;
  const entry = catalogueEntry(name);
  return entry === undefined ? /\.en\b/.test(name) : isEnglishEntry(entry);
}

/** Total size of the files in a directory; 0 if there is none. */
function bytesOf(dir: string): number {
  try {
    return readdirSync(dir).reduce((sum, file) => sum + statSync(join(dir, file)).size, 0);
  } catch {
    return 0;
  }
}
