/**
 * Converts system errors about a path to coded errors that a user understands. All code that opens, reads or writes a path
 * given by the user goes through this one table.
 */
import { codeOf, messageOf, SottoError, type ErrorCode } from './errors.js';
import { defined } from './defined.js';

interface Problem {
  /** Completes "PATH can't be read: ". */
  readonly why: string;
  readonly hint: string;
}

const PROBLEMS: Readonly<Record<string, Problem>> = {
  ENOENT: { why: 'it does not exist', hint: 'check the path' },
  ENOTDIR: { why: 'part of its path is not a folder', hint: 'check the path' },
  ELOOP: { why: 'its symbolic links form a loop', hint: 'use a path without this link' },
  ENAMETOOLONG: { why: 'its name is too long', hint: 'use a shorter path' },
  ERR_INVALID_ARG_VALUE: { why: 'its name contains a NUL byte', hint: 'check the path' },
  EILSEQ: { why: 'the disk does not allow its name', hint: 'use another name' },
  EACCES: { why: 'permission denied', hint: 'check its permissions and those of the folders above it' },
  EPERM: { why: 'operation not permitted', hint: 'check its permissions; on macOS also Privacy & Security' },
  EISDIR: { why: 'it is a folder', hint: 'use the path of a file' },
  EEXIST: { why: 'it already exists', hint: 'use another name, or move it away' },
  ENOTEMPTY: { why: 'the folder is not empty', hint: 'use another folder' },
  ENXIO: { why: 'it is a socket or device without a listener', hint: 'use the path of a regular file' },
  ENODEV: { why: 'its device does not exist', hint: 'use the path of a regular file' },
  EROFS: { why: 'the disk is read-only', hint: 'use a path on another disk' },
  ENOSPC: { why: 'the disk is full', hint: 'free some disk space, then try again' },
  EDQUOT: { why: 'your disk quota is used up', hint: 'free some disk space, then try again' },
  EFBIG: { why: 'it is too large for this disk', hint: 'use a path on another disk' },
  ERR_FS_FILE_TOO_LARGE: { why: 'it is larger than 2 GiB', hint: 'check that it is the right file' },
  EIO: { why: 'the disk reports an error', hint: 'check the disk, or copy the file to another one' },
  EMFILE: { why: 'too many files are open', hint: 'close other programs, or raise `ulimit -n`' },
  ENFILE: { why: 'too many files are open', hint: 'close other programs, then try again' },
  EBUSY: { why: 'another process uses it', hint: 'close the other program, then try again' },
  ETXTBSY: { why: 'another process runs it', hint: 'close the other program, then try again' },
  EPIPE: { why: 'its reader has exited', hint: 'check the command that reads it' },
  ESTALE: { why: 'the network disk was remounted', hint: 'try again' },
  ETIMEDOUT: { why: 'the network disk isn’t responding', hint: 'check the connection, then try again' },
  ENOTCONN: { why: 'the network disk is not connected', hint: 'mount the disk again' },
};

export const FILE_PROBLEMS: readonly string[] = Object.keys(PROBLEMS);

/** How a path is used, and the codes of its errors. */
export interface FileUse {
  readonly code: ErrorCode;
  /** The code if the path does not exist; default `code`. */
  readonly missing?: ErrorCode;
  readonly verb: 'read' | 'written' | 'made';
}

export const AUDIO_FILE: FileUse = { code: 'AUDIO_UNREADABLE', missing: 'AUDIO_NOT_FOUND', verb: 'read' };
export const MODEL_FILE: FileUse = { code: 'MODEL_UNREADABLE', missing: 'MODEL_NOT_FOUND', verb: 'read' };
export const TEXT_INPUT: FileUse = { code: 'INVALID_ARGUMENT', verb: 'read' };
export const OUTPUT_FILE: FileUse = { code: 'OUTPUT_FAILED', verb: 'written' };
export const OUTPUT_FOLDER: FileUse = { code: 'OUTPUT_FAILED', verb: 'made' };

/** The reason in plain English, such as `permission denied`. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error) ?? '';
  if (Object.hasOwn(PROBLEMS, code)) return PROBLEMS[code]?.why ?? code;
  const message = messageOf(error);
  return /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
}

/** The hint of the table; undefined for other errors. */
export function hintOf(error: unknown): string | undefined {
  const code = codeOf(error) ?? '';
  return Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code]?.hint : undefined;
}

/** Whether no file is at this path, or could be. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'].includes(codeOf(error) ?? '');
}

/**
 * Wraps a system error about a path; returns a SottoError unchanged.
 * @param shown the path for the message, which contains at most 1024 characters of it
 */
export function fileError(shown: string, error: unknown, use: FileUse): SottoError {
  if (error instanceof SottoError) return error;
  const hint = hintOf(error);
  return new SottoError(
    isMissing(error) ? (use.missing ?? use.code) : use.code,
    `${shortened(shown)} can't be ${use.verb}: ${reasonOf(error)}`,
    { cause: error, ...defined({ hint }) },
  );
}

/** The used part of `fs.Stats`. */
export interface FileKind {
  isFile(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}

/** `a folder`, `a pipe`, `a socket` or `a device`; undefined for a regular file. */
export function specialKind(stats: FileKind): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'a folder';
  return stats.isFIFO() ? 'a pipe' : stats.isSocket() ? 'a socket' : 'a device';
}

/** @throws SottoError with `use.code`, unless it is a regular file */
export function refuseSpecial(shown: string, stats: FileKind, use: FileUse): void {
  const kind = specialKind(stats);
  if (kind === undefined) return;
  throw new SottoError(use.code, `${shortened(shown)} can't be ${use.verb}: it is ${kind}`, {
    hint: kind === 'a folder' ? 'use the path of a file' : 'use the path of a regular file',
  });
}

/**
 * Converts anything that ended a command to a coded error. A file system error that no caller has wrapped concerns a path that
 * the user gave or that Sotto needs, so it is not reported as a bug in Sotto.
 */
export function codedError(thrown: unknown): SottoError {
  if (thrown instanceof SottoError || codeOf(thrown) === undefined) return SottoError.from(thrown);
  const { path, syscall } = thrown as { path?: unknown; syscall?: unknown };
  if (syscall === 'uv_cwd') {
    return new SottoError('FILE_FAILED', 'the current folder was removed or can’t be read', {
      hint: 'change to another folder, then try again',
      cause: thrown,
    });
  }
  if (typeof path !== 'string') return handleError(thrown, syscall);
  if (typeof syscall !== 'string') return SottoError.from(thrown);
  return fileError(path, thrown, { code: 'FILE_FAILED', verb: WRITES.has(syscall) ? 'written' : 'read' });
}

/** Errors of calls on an open file have no path, but the disk failed. Sockets give none of these codes. */
function handleError(thrown: unknown, syscall: unknown): SottoError {
  if (!HANDLE_PROBLEMS.has(codeOf(thrown) ?? '')) return SottoError.from(thrown);
  const isWrite = typeof syscall === 'string' && WRITES.has(syscall);
  return fileError('a file', thrown, { code: 'FILE_FAILED', verb: isWrite ? 'written' : 'read' });
}

const HANDLE_PROBLEMS: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EROFS',
  'EIO',
  'EISDIR',
  'ENODEV',
  'ESTALE',
  'EMFILE',
  'ENFILE',
  'ERR_FS_FILE_TOO_LARGE',
]);

const WRITES: ReadonlySet<string> = new Set([
  'mkdir',
  'mkdtemp',
  'rename',
  'link',
  'symlink',
  'unlink',
  'write',
  'writev',
  'chmod',
  'rmdir',
  'fsync',
  'fdatasync',
  'ftruncate',
  'copyfile',
]);

const MAX_SHOWN = 1024;

function shortened(shown: string): string {
  return shown.length <= MAX_SHOWN ? shown : `${shown.slice(0, MAX_SHOWN - 1)}…`;
}
