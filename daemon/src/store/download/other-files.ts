/** Files in a model's directory that don't belong to the model, such as the user's notes. They outlive the model. */
import { existsSync, readdirSync } from 'node:fs';
import { lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isModelFile } from '../../protocol/model-files.js';
import { tryReadConvertedFiles } from '../../converted-files.js';
import { readRecord, RECORD } from './model-record.js';

/** A directory without a record may be the user's own model, but not without a configuration. */
export function holdsModel(dir: string): boolean {
  if (readRecord(dir) !== undefined || existsSync(join(dir, 'config.json'))) return true;
  return readdirSync(dir).length === 0;
}

/** Entries that the record doesn't name; without a record, entries that no model has. */
export function otherFiles(dir: string): string[] {
  if (!holdsModel(dir)) return readdirSync(dir);
  const record = readRecord(dir);
  if (record === undefined) {
    const made = tryReadConvertedFiles(dir);
    return readdirSync(dir).filter((entry) => !isModelFile(entry, made));
  }
  const own = new Set([RECORD, ...record.files.map(({ name }) => name.split('/')[0])]);
  return readdirSync(dir).filter((entry) => !own.has(entry));
}

/** Moves them to another directory, without replacing files there. */
export async function moveOtherFiles(from: string, to: string): Promise<void> {
  for (const entry of otherFiles(from)) {
    const target = join(to, entry);
    const isThere = await lstat(target).then(
      () => true,
      () => false,
    );
    if (!isThere) await rename(join(from, entry), target);
  }
}
