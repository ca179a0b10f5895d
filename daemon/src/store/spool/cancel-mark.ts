/**
 * Marks a dictation that was cancelled while no daemon was connected: an empty file next to its spool, until a
 * daemon has removed the dictation. The client writes it, because its process may exit before a daemon is running.
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
    // The dictation is gone, so the next daemon finds only the mark to remove.
  }
}

export function isMarkedCancelled(folder: string, id: string): boolean {
  return existsSync(pathOf(folder, id));
}

/** Ids of all marked dictations. */
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
