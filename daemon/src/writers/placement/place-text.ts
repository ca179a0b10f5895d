/**
 * Writes a text atomically: to a draft beside the target, synced to disk, then renamed. A reader, a kill or a full disk
 * never leaves half a text. Draft names contain host and process, so drafts of dead processes can be removed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { chmod, link, lstat, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { isRunning } from '../../is-running.js';
import { codeOf, SottoError } from '../../protocol/errors.js';
import { fileError, OUTPUT_FILE } from '../../protocol/file-errors.js';
import { makeFolder as makeFolderAt } from '../../make-folder.js';
import { digestOf } from './digest.js';

/** Writing takes a moment, so an older draft is abandoned on any machine. */
const STALE_DRAFT_MS = 6 * 3600_000;

/** Process ids are meaningful only on their own machine. */
const HOST = slugOf(hostname());

const DRAFT = /^\.sotto-(?<host>[a-z0-9-]*)\.(?<pid>\d+)\.[0-9a-f]{12}\.part$/;

/** Whether a file with this SHA-256 may be replaced. */
type AcceptsDigest = (digest: string) => boolean;

interface PlaceOptions {
  /**
   * `replace` replaces an existing file. `keep` keeps it: of several writers exactly one gets `placed`. A function
   * replaces a regular file that is empty or whose SHA-256 it accepts.
   */
  readonly existing?: 'replace' | 'keep' | AcceptsDigest;
  /** Whether to create missing folders (default true). */
  readonly makeFolder?: boolean;
}

/**
 * @returns `kept` if another file exists and was kept
 * @throws SottoError OUTPUT_FAILED; no draft is left behind
 */
export function placeText(
  path: string,
  text: string,
  options: PlaceOptions = {},
): Promise<'placed' | 'kept'> {
  return placeFile(path, (file) => file.writeFile(text), options);
}

/**
 * As `placeText`, for a file of any content.
 * @param write writes the draft; what it throws ends this, too
 */
export async function placeFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  { existing = 'replace', makeFolder = true }: PlaceOptions = {},
): Promise<'placed' | 'kept'> {
  const folder = dirname(path);
  const draft = join(folder, draftName());
  try {
    if (makeFolder) makeFolderAt(folder);
    const file = await open(draft, 'wx', 0o666);
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    const outcome = await moveIntoPlace(draft, path, existing);
    if (outcome === 'kept') await rm(draft, { force: true });
    if (outcome === 'placed') await syncFolder(folder);
    return outcome;
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw fileError(path, error, OUTPUT_FILE);
  }
}

/**
 * Creates a file atomically. Never replaces one.
 * @throws SottoError OUTPUT_FAILED
 */
export async function createFile(path: string, text: string): Promise<void> {
  if ((await placeText(path, text, { existing: 'keep', makeFolder: false })) === 'placed') return;
  throw new SottoError('OUTPUT_FAILED', `${path} already exists`, {
    hint: 'choose another name, or move the file away',
  });
}

/** Whether the file exists; then it is complete. False if it can't be read, because writing reports a better error. */
export async function hasText(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

/** The name for a draft of a process, on this machine by default. */
export function draftName(pid = process.pid, host?: string): string {
  const owner = host === undefined ? HOST : slugOf(host);
  return `.sotto-${owner}.${pid}.${randomBytes(6).toString('hex')}.part`;
}

/** The hash separates hosts whose names differ only in other characters or are long. */
function slugOf(host: string): string {
  const plain = host
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 32);
  return `${plain}-${digestOf(host).slice(0, 8)}`;
}

/**
 * Removes drafts of dead processes.
 * @returns how many
 */
export async function sweepDrafts(folder: string, nowMs = Date.now()): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  let removedCount = 0;
  for (const name of names) {
    const owner = DRAFT.exec(name)?.groups;
    if (owner === undefined) continue;
    const path = join(folder, name);
    if (!(await isAbandoned(path, owner, nowMs))) continue;
    await rm(path, { force: true }).catch(() => undefined);
    removedCount += 1;
  }
  return removedCount;
}

async function isAbandoned(
  path: string,
  { host, pid }: Record<string, string>,
  nowMs: number,
): Promise<boolean> {
  if (host === HOST && Number(pid) !== process.pid && !isRunning(Number(pid))) return true;
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && nowMs - stats.mtimeMs > STALE_DRAFT_MS;
}

async function moveIntoPlace(
  draft: string,
  path: string,
  existing: NonNullable<PlaceOptions['existing']>,
): Promise<'placed' | 'kept'> {
  if (existing === 'replace') {
    await copyMode(draft, await lstat(path, { bigint: true }).catch(() => undefined));
    await rename(draft, path);
    return 'placed';
  }
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if ((await linkTo(draft, path)) === 'placed') return 'placed';
    if (existing === 'keep') return 'kept';
    const outcome = await replaceAccepted(draft, path, existing);
    if (outcome !== 'moved') return outcome;
  }
  return 'kept';
}

/** A file that another program keeps changing is kept. */
const MAX_TRIES = 5;

/**
 * Never follows a link. Compares the file with what was hashed right before the rename, because Node has no rename that
 * replaces only a given file.
 */
async function replaceAccepted(
  draft: string,
  path: string,
  accepts: AcceptsDigest,
): Promise<'placed' | 'kept' | 'moved'> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return 'moved';
    if (code === 'ELOOP' || code === 'EMLINK' || code === 'EACCES') return 'kept';
    throw error;
  }
  try {
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) return 'kept';
    if (stats.size > 0n && !accepts(await digestOfHandle(file))) return 'kept';
    await copyMode(draft, stats);
    const now = await lstat(path, { bigint: true }).catch(() => undefined);
    if (now === undefined || !isSame(now, stats)) return 'moved';
    await rename(draft, path);
    return 'placed';
  } finally {
    await file.close();
  }
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return (
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

/** SHA-256 in hexadecimal. */
export async function digestOfHandle(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of file.createReadStream({ autoClose: false, start: 0 })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

/** A private file stays private. */
async function copyMode(draft: string, stats: BigIntStats | undefined): Promise<void> {
  if (stats?.isFile() === true) await chmod(draft, Number(stats.mode & 0o777n)).catch(() => undefined);
}

/** A link fails if the name exists; a rename would replace it. */
async function linkTo(draft: string, path: string): Promise<'placed' | 'kept'> {
  try {
    await link(draft, path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return 'kept';
    // Camera disks and some network shares have no links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error;
    return claimName(draft, path);
  }
  await rm(draft, { force: true });
  return 'placed';
}

/** Claims the name with an empty file and renames over it; after a kill in between the empty file may be replaced. */
async function claimName(draft: string, path: string): Promise<'placed' | 'kept'> {
  try {
    await (await open(path, 'wx', 0o666)).close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return 'kept';
    throw error;
  }
  await rename(draft, path);
  return 'placed';
}

/** The directory entry reaches the disk before the text is recorded. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Not every file system can sync a folder; the file itself is safe.
  }
}
