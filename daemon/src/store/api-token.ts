/** The token of the HTTP port: a file that only the user can read, created when it is first needed. */
import { randomBytes, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { fileError, OUTPUT_FILE, type FileUse } from '../protocol/file-errors.js';
import { writeFileAtomic } from './write-file-atomic.js';

/** 256 bits. The prefix identifies a leaked token. */
const TOKEN_PATTERN = /^sotto_[A-Za-z0-9_-]{43}$/;
const MAX_TOKEN_FILE_BYTES = 200;

/** @throws SottoError UNAUTHORIZED (others may read it, or it isn't a token), OUTPUT_FAILED */
export async function apiToken(path: string): Promise<string> {
  try {
    return await readToken(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw await unreadable(path, error);
  }
  const draft = `${path}.${randomUUID().slice(0, 8)}.new`;
  try {
    makeFolder(dirname(path), 0o700);
    await writeFile(draft, `${newToken()}\n`, { flag: 'wx', mode: 0o600, flush: true });
    // If two processes create a token at once, the first one wins.
    await link(draft, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    return await readToken(path);
  } catch (error) {
    throw error instanceof SottoError ? error : unwritable(path, error);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Replaces the token. @throws SottoError OUTPUT_FAILED */
export async function rotateToken(path: string): Promise<string> {
  const token = newToken();
  try {
    makeFolder(dirname(path), 0o700);
    await writeFileAtomic(path, `${token}\n`, 0o600);
  } catch (cause) {
    throw unwritable(path, cause);
  }
  return token;
}

function newToken(): string {
  return `sotto_${randomBytes(32).toString('base64url')}`;
}

function unwritable(path: string, cause: unknown): SottoError {
  return fileError(path, cause, OUTPUT_FILE);
}

/** @throws SottoError UNAUTHORIZED; ENOENT */
async function readToken(path: string): Promise<string> {
  // The target of a link could be anyone's choice, and a FIFO would block.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > MAX_TOKEN_FILE_BYTES) throw unsafe(`${path} is not a token`);
    if (process.getuid !== undefined && stats.uid !== process.getuid())
      throw unsafe(`${path} belongs to another user`);
    if ((stats.mode & 0o077) !== 0) throw unsafe(`other users can read ${path}`);
    const token = (await file.readFile('utf8')).trim();
    if (!TOKEN_PATTERN.test(token)) throw unsafe(`${path} does not contain a Sotto token`);
    return token;
  } finally {
    await file.close();
  }
}

async function unreadable(path: string, error: unknown): Promise<SottoError> {
  if (error instanceof SottoError) return error;
  // Links in the folders above may form a loop, too.
  const isLink = (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true;
  return isLink ? unsafe(`${path} is a symbolic link`) : fileError(path, error, TOKEN_FILE);
}

const TOKEN_FILE: FileUse = { code: 'UNAUTHORIZED', verb: 'read' };

function unsafe(message: string): SottoError {
  return new SottoError('UNAUTHORIZED', message, { hint: 'create a new one with `sotto token rotate`' });
}
