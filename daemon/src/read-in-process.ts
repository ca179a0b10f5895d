/**
 * A file read by a small process of its own. `open` does not return while macOS asks the user for permission, and a call that
 * hangs holds one of the four threads that all files of a Node process go through, and the end of that process too. This
 * process can be killed, and macOS judges it as it judges the one that starts it.
 */
import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';
import { SottoError } from './protocol/errors.js';

/**
 * `all` of the file, or `first`: one byte, which is where a file that lies in a cloud is fetched. Pipes and devices are not
 * opened; what can't be examined is, since the system then says why.
 */
const SCRIPTS = {
  all: 'if test -f "$1" || ! test -e "$1"; then exec cat "$1"; fi; exit 9',
  first: 'if test -f "$1" || ! test -e "$1"; then exec head -c 1 "$1"; fi; exit 9',
  pipe: 'exec cat "$1"',
} as const;
const NO_FILE = 9;

/** The end of what `cat` and `head` print in the locale C, and the code of the system's error. */
const PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/: Operation not permitted\s*$/, 'EPERM'],
  [/: Permission denied\s*$/, 'EACCES'],
  [/: No such file or directory\s*$/, 'ENOENT'],
  [/: Input\/output error\s*$/, 'EIO'],
];

/**
 * @param path absolute
 * @param what `pipe`: all of it, whatever it is
 * @returns its bytes. It fails with an error that has the system's code (EPERM, EACCES, ENOENT, EIO) where the system refuses
 *   the file, with AUDIO_UNREADABLE where it is no ordinary file, and with the error of `spawn` where no process starts.
 */
export function readInProcess(path: string, what: keyof typeof SCRIPTS, signal: AbortSignal): Readable {
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
  // At once: Node throws away what a process that has ended wrote while nothing read it.
  reader.stdout.pipe(bytes, { end: false });
  reader.once('error', (error) => bytes.destroy(error));
  reader.once('close', (code) => {
    signal.removeEventListener('abort', kill);
    const problem = PROBLEMS.find(([pattern]) => pattern.test(complaint))?.[1];
    if (code === 0 || signal.aborted) bytes.end();
    else if (code === NO_FILE) bytes.destroy(noFile(path));
    else if (problem !== undefined) bytes.destroy(systemError(problem));
    else bytes.destroy(new Error(complaint.trim() || `the reader ended with ${code ?? 'a signal'}`));
  });
  return bytes;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: open`), { code });
}

function noFile(path: string): SottoError {
  return new SottoError('AUDIO_UNREADABLE', `${JSON.stringify(path)} is not an ordinary file`, {
    hint: 'save the audio to a file first',
  });
}
