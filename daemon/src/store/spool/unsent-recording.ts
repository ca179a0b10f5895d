/**
 * The recording that the microphone's process keeps of a dictation, as a spool in the spool folder. It is named
 * `<id>.unsent` until a daemon opens the session with this id, which makes it the session's file.
 */
import { existsSync } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SottoError } from '../../protocol/errors.js';
import { findOrphan, readOrphan, type Orphan } from './orphans.js';
import { isUnfinished, SPOOL_SUFFIX, type OpenSpool, type UnlinkSpool } from './spool-file.js';

/** No daemon has it. */
export const UNSENT_SUFFIX = '.unsent';

/**
 * Makes a recording the file of the session with its id, if it isn't already.
 * @throws SottoError SPOOL_FAILED
 */
export async function adoptRecording(folder: string, id: string, openFile?: OpenSpool): Promise<Orphan> {
  const path = join(folder, `${id}${UNSENT_SUFFIX}`);
  const spool = join(folder, `${id}${SPOOL_SUFFIX}`);
  try {
    const recording = await readOrphan(path, openFile).catch(() => undefined);
    if (recording?.info.id === id && !existsSync(spool)) await rename(path, spool);
    const orphan = await findOrphan(folder, id);
    if (orphan !== undefined) return orphan;
  } catch (cause) {
    throw new SottoError('SPOOL_FAILED', `${path} can't be used`, { cause });
  }
  throw new SottoError('SPOOL_FAILED', `${path} is missing or damaged`);
}

/** Removes the recording with an id. A file with other content isn't Sotto's, and stays. */
export async function removeUnsentRecording(
  folder: string,
  id: string,
  unlinkFile: UnlinkSpool = unlink,
): Promise<void> {
  const path = join(folder, `${id}${UNSENT_SUFFIX}`);
  try {
    if ((await readOrphan(path)) !== undefined || (await isUnfinished(path))) await unlinkFile(path);
  } catch {
    // There is none, or the next daemon or capture process tries again.
  }
}
