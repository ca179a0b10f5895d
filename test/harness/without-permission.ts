/** Files that a client may open and a daemon may not, and files that block every open. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, chmodSync } from 'node:fs';
import { OTHER_USER } from './odd-paths.js';
import { launcher } from './run-sotto.js';
import type { Missing } from './skipping.js';

/** Root without access to other users' files. */
const AS_ROOT_WITHOUT = ['--bounding-set', '-dac_override,-dac_read_search', '--'];

export const noSetpriv: Missing =
  process.getuid?.() === 0 && spawnSync('setpriv', [...AS_ROOT_WITHOUT, 'true']).status === 0
    ? undefined
    : 'not root: only root can drop its right to read files of others';

/** Starts `sotto` with access to root's files only. */
export function startWithoutPermission(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn('setpriv', [...AS_ROOT_WITHOUT, process.execPath, launcher, ...args], {
    env,
    stdio: 'ignore',
  });
}

/** Makes a file unreadable for that process; a folder needs `0o700`. */
export function makePrivate(path: string, mode = 0o600): void {
  chownSync(path, OTHER_USER, OTHER_USER);
  chmodSync(path, mode);
}

/** A lease on a file: opening it blocks until the lease ends, like a macOS permission prompt. */
const LEASE = `
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, lambda *_: None)
f = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
while sys.stdin.read(1): pass
`;

export const noLease: Missing =
  process.platform === 'linux' && spawnSync('python3', ['--version']).status === 0
    ? undefined
    : 'no leases: only Linux with Python can hold a file back';

/** Resolves when opening the file blocks. @returns ends the lease */
export async function holdBack(path: string): Promise<() => void> {
  const holder = spawn('python3', ['-c', LEASE, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', () => reject(new Error('the lease was refused')));
  });
  return () => void holder.stdin.end();
}
