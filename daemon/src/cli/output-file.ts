/** The file of `--output`: placed as a whole, and never over another one unless the user says so. */
import { statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { SottoError } from '../protocol/errors.js';
import { OUTPUT_FILE, refuseSpecial } from '../protocol/file-errors.js';
import { placeFile } from '../writers/placement/place-text.js';

/** Before the work; placing the file is what decides. @throws SottoError OUTPUT_EXISTS, OUTPUT_FAILED */
export function assertCanWrite(path: string, overwrite: boolean): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing === undefined) return;
  // A device or a pipe must not be replaced, either.
  refuseSpecial(path, existing, OUTPUT_FILE);
  if (!overwrite) throw exists(path);
}

/** None is there after an error. @throws SottoError OUTPUT_EXISTS, OUTPUT_FAILED; what `write` throws */
export async function placeOutput(
  path: string,
  overwrite: boolean,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const outcome = await placeFile(path, write, { existing: overwrite ? 'replace' : 'keep' });
  if (outcome === 'kept') throw exists(path);
}

function exists(path: string): SottoError {
  return new SottoError('OUTPUT_EXISTS', `${path} already exists`, {
    hint: 'choose another name, or replace it with --overwrite',
  });
}
