/** Cleans up after capture processes that were killed. */
import { closeSync, openSync, readdirSync, readSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { clearCancelMark, isMarkedCancelled } from '../store/spool/cancel-mark.js';
import { isTruncatedHeader, MAX_HEADER_BYTES, parseHeader } from '../store/spool/spool-header.js';
import { UNSENT_SUFFIX } from '../store/spool/unsent-recording.js';
import { SPOOL_SUFFIX } from '../store/spool/spool-file.js';

const ID = /^[A-Za-z0-9-]{1,64}$/;

/**
 * Turns recordings that no daemon has into spools. Removes recordings that are empty or were cancelled. Only one
 * capture process runs at a time, and it calls this before it records.
 * @returns ids of the new spools, which a running daemon doesn't know yet
 */
export function sweepLocalRecordings(folder: string): string[] {
  const recovered: string[] = [];
  for (const name of namesIn(folder)) {
    const id = name.slice(0, -UNSENT_SUFFIX.length);
    if (!name.endsWith(UNSENT_SUFFIX) || !ID.test(id)) continue;
    const path = join(folder, name);
    const spool = join(folder, `${id}${SPOOL_SUFFIX}`);
    try {
      const content = contentOf(path);
      if (content === 'foreign') continue;
      if (isMarkedCancelled(folder, id)) {
        rmSync(path);
        clearCancelMark(folder, id);
      } else if (content === 'empty') rmSync(path);
      else {
        renameSync(path, spool);
        recovered.push(id);
      }
    } catch {
      // The next process tries again.
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

/** A file that holds neither our audio nor a truncated header belongs to another program. */
function contentOf(path: string): 'audio' | 'empty' | 'foreign' {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(MAX_HEADER_BYTES);
    const start = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0));
    const head = parseHeader(start);
    if (head === undefined) return isTruncatedHeader(start) ? 'empty' : 'foreign';
    return start.length > head.bytes ? 'audio' : 'empty';
  } finally {
    closeSync(file);
  }
}
