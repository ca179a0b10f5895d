/**
 * The recording that the microphone's process keeps of a dictation, in the layout of a spool and in the spools' folder. Until
 * a daemon has any of it, it is named by its own id; from then on by its session: sample n of both is the same, and what the
 * spool lacks when that process dies is in the recording.
 */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readOrphan, type Orphan } from './orphans.js';
import { isUnfinished, type OpenSpool, type UnlinkSpool } from './spool-file.js';

/** No daemon has any of it. */
export const UNSENT_SUFFIX = '.unheard';
/** A session has the start of it. */
export const SESSION_SUFFIX = '.heard';

/** The recording of a session; undefined where there is none. */
export async function findLocalRecording(
  folder: string,
  session: string,
  openFile?: OpenSpool,
): Promise<Orphan | undefined> {
  return readOrphan(join(folder, `${session}${SESSION_SUFFIX}`), openFile).catch(() => undefined);
}

/** Removes what was recorded under an id. A file that holds something else is not Sotto's, and stays. */
export async function removeLocalRecordings(
  folder: string,
  id: string,
  unlinkFile: UnlinkSpool = unlink,
): Promise<void> {
  for (const suffix of [UNSENT_SUFFIX, SESSION_SUFFIX]) {
    const path = join(folder, `${id}${suffix}`);
    try {
      if ((await readOrphan(path)) !== undefined || (await isUnfinished(path))) await unlinkFile(path);
    } catch {
      // There is none, or the next daemon or capture process tries again.
    }
  }
}
