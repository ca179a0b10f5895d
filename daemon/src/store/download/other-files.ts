/** What lies in the folder of a model and is not the model's: notes of the user, say. It outlives the model. */
import { existsSync, readdirSync } from 'node:fs';
import { lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isModelFile } from '../../protocol/model-files.js';
import { madeFilesIn } from '../../read-made-files.js';
import { readRecord, RECORD } from './model-record.js';

/** A folder without a record may be a model that the user put there; other files without a configuration are none. */
export function holdsModel(dir: string): boolean {
  if (readRecord(dir) !== undefined || existsSync(join(dir, 'config.json'))) return true;
  return readdirSync(dir).length === 0;
}

/** Entries of the folder that its record does not name; of a model without a record, those that no model has. */
export function otherFiles(dir: string): string[] {
  if (!holdsModel(dir)) return readdirSync(dir);
  const record = readRecord(dir);
  if (record === undefined) {
    const made = madeFilesIn(dir);
    return readdirSync(dir).filter((entry) => !isModelFile(entry, made));
  }
  const own = new Set([RECORD, ...record.files.map(({ name }) => name.split('/')[0])]);
  return readdirSync(dir).filter((entry) => !own.has(entry));
}

/** Moves them into another folder, where nothing of the same name is there. */
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
