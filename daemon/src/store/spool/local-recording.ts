/**
 * The recording that the microphone's process keeps of a dictation, as a spool in the spool folder. It is named by
 * its own id until a daemon has some of it, and by the session from then on. Sample n is the same in both, so what
 * the spool lacks after that process has died is in the recording.
 */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readOrphan, type Orphan } from './orphans.js';
import { isUnfinished, type OpenSpool, type UnlinkSpool } from './spool-file.js';

/** No daemon has any of it. */
export const UNSENT_SUFFIX = '.unsent';
/** A session has the start of it. */
export const SESSION_SUFFIX = '.recording';
/** Files with the second suffixes were left by earlier versions. */
export const UNSENT_SUFFIXES: readonly string[] = [UNSENT_SUFFIX, '.unheard'];
export const SESSION_SUFFIXES: readonly string[] = [SESSION_SUFFIX, '.heard'];

/** The recording of a session; undefined if there is none. */
export async function findLocalRecording(
  folder: string,
  session: string,
  openFile?: OpenSpool,
): Promise<Orphan | undefined> {
  for (const suffix of SESSION_SUFFIXES) {
    const recording = await readOrphan(join(folder, `${session}${suffix}`), openFile).catch(() => undefined);
    if (recording !== undefined) return recording;
  }
  return undefined;
}

/** Removes the recordings with an id. A file with other content isn't Sotto's, and stays. */
export async function removeLocalRecordings(
  folder: string,
  id: string,
  unlinkFile: UnlinkSpool = unlink,
): Promise<void> {
  for (const suffix of [...UNSENT_SUFFIXES, ...SESSION_SUFFIXES]) {
    const path = join(folder, `${id}${suffix}`);
    try {
      if ((await readOrphan(path)) !== undefined || (await isUnfinished(path))) await unlinkFile(path);
    } catch {
      // There is none, or the next daemon or capture process tries again.
    }
  }
}
