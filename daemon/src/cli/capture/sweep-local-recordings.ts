/** What a capture process that was killed left in the folder of the spools. */
import { closeSync, existsSync, openSync, readdirSync, readSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { clearCancelMark, isMarkedCancelled } from '../../store/spool/cancel-mark.js';
import { isTruncatedHeader, MAX_HEADER_BYTES, parseHeader } from '../../store/spool/spool-header.js';
import { SESSION_SUFFIX, UNSENT_SUFFIX } from '../../store/spool/local-recording.js';
import { SPOOL_SUFFIX } from '../../store/spool/spool-file.js';

const ID = /^[A-Za-z0-9-]{1,64}$/;

/**
 * Makes recordings of which no daemon has any into spools. Removes those that hold nothing, that were cancelled, or whose
 * session has no spool any more; a daemon needs the others. Only one capture process runs at a time, and it calls this before
 * it records.
 * @returns ids of the new spools: a daemon that runs already does not know of them
 */
export function sweepLocalRecordings(folder: string): string[] {
  const recovered: string[] = [];
  for (const name of namesIn(folder)) {
    const suffix = [UNSENT_SUFFIX, SESSION_SUFFIX].find((one) => name.endsWith(one));
    const id = name.slice(0, -(suffix?.length ?? 0));
    if (suffix === undefined || !ID.test(id)) continue;
    const path = join(folder, name);
    const spool = join(folder, `${id}${SPOOL_SUFFIX}`);
    try {
      const content = contentOf(path);
      if (content === 'foreign') continue;
      if (isMarkedCancelled(folder, id)) {
        rmSync(path);
        // The daemon, too, has something of a session: it removes the mark.
        if (suffix === UNSENT_SUFFIX) clearCancelMark(folder, id);
      } else if (suffix === SESSION_SUFFIX) {
        if (!existsSync(spool)) rmSync(path);
      } else if (content === 'empty') rmSync(path);
      else {
        renameSync(path, spool);
        recovered.push(id);
      }
    } catch {
      // It can't be read or changed now: the next process tries again.
    }
  }
  return recovered;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A file that is neither audio of ours nor the start of its head is not ours. */
function contentOf(path: string): 'sound' | 'empty' | 'foreign' {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(MAX_HEADER_BYTES);
    const start = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0));
    const head = parseHeader(start);
    if (head === undefined) return isTruncatedHeader(start) ? 'empty' : 'foreign';
    return start.length > head.bytes ? 'sound' : 'empty';
  } finally {
    closeSync(file);
  }
}
