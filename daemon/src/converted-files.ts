import { join } from 'node:path';
import { MODEL_FILE } from './protocol/file-errors.js';
import { MADE_MODEL, madeFiles } from './protocol/model-files.js';
import { readSmallFile } from './read-small-file.js';

const MAX_RECORD_BYTES = 2 ** 20;

/**
 * File names of a converted model, from the record in its folder; undefined if that isn't a record of ours.
 *
 * @throws SottoError MODEL_UNREADABLE, MODEL_NOT_FOUND if there is no record, or it can't be read
 */
export function readConvertedFiles(dir: string): string[] | undefined {
  return madeFiles(readSmallFile(join(dir, MADE_MODEL), MAX_RECORD_BYTES, MODEL_FILE));
}

/** As `readConvertedFiles`, but undefined also if there is no record or it can't be read. */
export function tryReadConvertedFiles(dir: string): string[] | undefined {
  try {
    return readConvertedFiles(dir);
  } catch {
    return undefined;
  }
}
