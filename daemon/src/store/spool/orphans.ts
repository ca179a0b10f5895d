/** Finds spools that outlived their session, because a process died or the audio could not be transcribed. */
import { open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { BYTES_PER_SAMPLE } from '../../protocol/live.js';
import { codeOf } from '../../protocol/errors.js';
import { MAX_HEADER_BYTES, parseHeader, type SpoolInfo } from './spool-header.js';
import { journalOf, renameOldJournal } from './journal.js';
import { readAll, SPOOL_SUFFIX, type OpenSpool, type UnlinkSpool } from './spool-file.js';

export interface Orphan {
  readonly path: string;
  readonly info: SpoolInfo;
  /** Complete samples. */
  readonly samples: number;
  /** Offset of the samples in the file. */
  readonly pcmAt: number;
}

/** Reads a spool as far as it exists; undefined if its header is truncated or invalid. */
export async function readOrphan(path: string, openFile: OpenSpool = open): Promise<Orphan | undefined> {
  const handle = await openFile(path, 'r', 0o600);
  try {
    const head = parseHeader(await readAll(handle, 0, MAX_HEADER_BYTES));
    if (head === undefined) return undefined;
    const { size } = await stat(path);
    const samples = Math.floor((size - head.bytes) / BYTES_PER_SAMPLE);
    return { path, info: head.info, samples, pcmAt: head.bytes };
  } finally {
    await handle.close();
  }
}

/** All spools of a folder, the oldest first; none if the folder doesn't exist. */
export async function findOrphans(folder: string): Promise<Orphan[]> {
  const names = await readdir(folder).catch(() => []);
  const found: Orphan[] = [];
  for (const name of names) {
    if (!name.endsWith(SPOOL_SUFFIX)) continue;
    const orphan = await readOrphan(join(folder, name)).catch(() => undefined);
    // A copy under another name isn't Sotto's, and would be recovered twice.
    if (orphan === undefined || name !== `${orphan.info.id}${SPOOL_SUFFIX}`) continue;
    await renameOldJournal(orphan.path);
    found.push(orphan);
  }
  return found.sort((a, b) => a.info.startedMs - b.info.startedMs);
}

/** The spool of a session; undefined if there is none. */
export async function findOrphan(folder: string, id: string): Promise<Orphan | undefined> {
  return readOrphan(join(folder, `${id}${SPOOL_SUFFIX}`)).catch(() => undefined);
}

/**
 * Removes the audio of a session, then its journal. If the audio can't be removed, the journal stays, because it
 * says that the session is over: otherwise the next daemon would recover a dictation that was cancelled or is in
 * the history.
 */
export async function removeSpool(path: string, unlinkFile: UnlinkSpool = unlink): Promise<void> {
  try {
    await unlinkFile(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return;
  }
  await unlinkFile(journalOf(path)).catch(() => undefined);
}
