/**
 * Reads a file in a small child process. `open` blocks while macOS asks the user for permission; a blocked call
 * holds one of the four threads that serve all file access of a Node process, and blocks its exit. A child process
 * can be killed, and macOS applies the permissions of the process that starts it.
 */
import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';
import { SottoError } from './protocol/errors.js';

/**
 * `all` reads the whole file; `first` reads one byte, which downloads a file that is stored in a cloud. Pipes and
 * devices aren't opened. A path that can't be examined is opened, because the system then reports why.
 */
const SCRIPTS = {
  all: 'if test -f "$1" || ! test -e "$1"; then exec cat "$1"; fi; exit 9',
  first: 'if test -f "$1" || ! test -e "$1"; then exec head -c 1 "$1"; fi; exit 9',
  pipe: 'exec cat "$1"',
} as const;
const NO_FILE = 9;

/** The ends of the messages of `cat` and `head` in the locale C, with the system's error codes. */
const PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/: Operation not permitted\s*$/, 'EPERM'],
  [/: Permission denied\s*$/, 'EACCES'],
  [/: No such file or directory\s*$/, 'ENOENT'],
  [/: Input\/output error\s*$/, 'EIO'],
];

/**
 * @param path absolute
 * @param what `pipe`: the whole input, whatever its type
 * @returns its bytes. Fails with the system's code (EPERM, EACCES, ENOENT, EIO) if the system refuses the file,
 *   with AUDIO_UNREADABLE if it isn't a regular file, and with the error of `spawn` if no process starts.
 */
export function readInChildProcess(path: string, what: keyof typeof SCRIPTS, signal: AbortSignal): Readable {
  const bytes = new PassThrough();
  if (signal.aborted) {
    bytes.end();
    return bytes;
  }
  const reader = spawn('/bin/sh', ['-c', SCRIPTS[what], 'sh', path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
  });
  const kill = (): void => void reader.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  bytes.once('close', kill);
  let complaint = '';
  reader.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(-1000)));
  // Piped at once: Node drops the output of a process that has exited before anything reads it.
  reader.stdout.pipe(bytes, { end: false });
  reader.once('error', (error) => bytes.destroy(error));
  reader.once('close', (code) => {
    signal.removeEventListener('abort', kill);
    const problem = PROBLEMS.find(([pattern]) => pattern.test(complaint))?.[1];
    if (code === 0 || signal.aborted) bytes.end();
    else if (code === NO_FILE) bytes.destroy(noFile(path));
    else if (problem !== undefined) bytes.destroy(systemError(problem));
    else bytes.destroy(new Error(complaint.trim() || `the reader exited with ${code ?? 'a signal'}`));
  });
  return bytes;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: open`), { code });
}

function noFile(path: string): SottoError {
  return new SottoError('AUDIO_UNREADABLE', `${JSON.stringify(path)} is not a regular file`, {
    hint: 'save the audio to a file first',
  });
}
