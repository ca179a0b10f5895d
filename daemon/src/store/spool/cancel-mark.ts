/**
 * A dictation that was cancelled while no daemon heard of it: an empty file beside its spool says so, until a daemon has
 * removed all that there is of it. The client writes it, for its process may end before there is a daemon again.
 */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../make-folder.js';

const OWN_NAME = /^([A-Za-z0-9-]{1,64})\.cancelled$/;

/** A folder that can't be written has no spool, either. */
export function markCancelled(folder: string, id: string): void {
  try {
    makeFolder(folder, 0o700);
    const file = openSync(pathOf(folder, id), 'w', 0o600);
    fsyncSync(file);
    closeSync(file);
  } catch {
    // The client tries to reach a daemon all the same.
  }
}

export function clearCancelMark(folder: string, id: string): void {
  try {
    rmSync(pathOf(folder, id), { force: true });
  } catch {
    // What it is about is gone: the next daemon finds nothing to remove but the mark.
  }
}

export function isMarkedCancelled(folder: string, id: string): boolean {
  return existsSync(pathOf(folder, id));
}

/** Ids of all dictations that are marked. */
export function findCancelMarks(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => OWN_NAME.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}

function pathOf(folder: string, id: string): string {
  return join(folder, `${id}.cancelled`);
}
