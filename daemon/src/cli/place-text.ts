/**
 * Puts a finished text in its place: written under a name of its own beside it, brought to the disk, and then renamed. A
 * reader, a kill or a full disk never finds half of it. What a killed process left behind says whose it was in its name, and
 * is swept.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { isRunning } from '../is-running.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { digestOf } from './digest.js';
import { reasonOf } from './system-reason.js';

/** After so long no writer is at a draft any more, wherever it ran: writing takes a moment. */
const STALE_MS = 6 * 3600_000;

/** A machine that shares the folder with others: process numbers mean something on their own machine only. */
const HOST = slugOf(hostname());

const DRAFT = /^\.sotto-(?<host>[a-z0-9-]*)\.(?<pid>\d+)\.[0-9a-f]{12}\.part$/;

export interface PlaceOptions {
  /**
   * `replace` takes the place of a file that is there. `keep` leaves it: of several who do the same work the first one
   * wins, and only one of them hears `placed`.
   */
  readonly existing?: 'replace' | 'keep';
  /** Whether folders that are missing are made; they are when left out. */
  readonly makeFolder?: boolean;
}

/**
 * @returns `kept` if another file is there already, and was left
 * @throws SottoError OUTPUT_FAILED; nothing is left behind then
 */
export async function placeText(
  path: string,
  text: string,
  { existing = 'replace', makeFolder = true }: PlaceOptions = {},
): Promise<'placed' | 'kept'> {
  const folder = dirname(path);
  const draft = join(folder, draftName());
  try {
    if (makeFolder) await mkdir(folder, { recursive: true });
    const file = await open(draft, 'wx', 0o666);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    const outcome = existing === 'keep' ? await linkTo(draft, path) : await renameTo(draft, path);
    if (outcome === 'placed') await syncFolder(folder);
    return outcome;
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw outputError(path, error);
  }
}

/** Whether a text is there: then it is whole. False as well where nobody may look: a failure to write there says more. */
export async function hasText(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

/** The name of a draft of a process, on this machine unless another one's name is given. */
export function draftName(pid = process.pid, host?: string): string {
  const owner = host === undefined ? HOST : slugOf(host);
  return `.sotto-${owner}.${pid}.${randomBytes(6).toString('hex')}.part`;
}

/** The hash tells apart what is left of two names that have other letters, or are long. */
function slugOf(host: string): string {
  const plain = host
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 32);
  return `${plain}-${digestOf(host).slice(0, 8)}`;
}

/**
 * Removes drafts in a folder whose writers are gone.
 * @returns how many
 */
export async function sweepDrafts(folder: string, nowMs = Date.now()): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  let swept = 0;
  for (const name of names) {
    const owner = DRAFT.exec(name)?.groups;
    if (owner === undefined) continue;
    const path = join(folder, name);
    if (!(await isAbandoned(path, owner, nowMs))) continue;
    await rm(path, { force: true }).catch(() => undefined);
    swept += 1;
  }
  return swept;
}

async function isAbandoned(
  path: string,
  { host, pid }: Record<string, string>,
  nowMs: number,
): Promise<boolean> {
  if (host === HOST && Number(pid) !== process.pid && !isRunning(Number(pid))) return true;
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && nowMs - stats.mtimeMs > STALE_MS;
}

async function renameTo(draft: string, path: string): Promise<'placed'> {
  await rename(draft, path);
  return 'placed';
}

/** A link fails where a name is taken, a rename does not ask. */
async function linkTo(draft: string, path: string): Promise<'placed' | 'kept'> {
  let outcome: 'placed' | 'kept' = 'placed';
  try {
    await link(draft, path);
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'EEXIST') {
      // Disks of cameras and some network shares know no links: there two may still meet within a moment.
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error;
      if ((await stat(path).catch(() => undefined)) === undefined) return renameTo(draft, path);
    }
    outcome = 'kept';
  }
  await rm(draft, { force: true });
  return outcome;
}

/** The name, too, is on the disk before anybody writes down that it is. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Not every file system lets a folder be synced; the file itself is safe.
  }
}

function outputError(path: string, error: unknown): SottoError {
  return new SottoError('OUTPUT_FAILED', `${path} can't be written: ${reasonOf(error)}`, { cause: error });
}
