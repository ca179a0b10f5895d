/** Files that a daemon may not open and its client may, and files that no program can open for a while. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, chmodSync } from 'node:fs';
import { OTHER_USER } from './odd-paths.js';
import { launcher } from './run-sotto.js';
import type { Missing } from './skipping.js';

/** Root without the right to read what belongs to others. */
const AS_ROOT_WITHOUT = ['--bounding-set', '-dac_override,-dac_read_search', '--'];

export const noSetpriv: Missing =
  process.getuid?.() === 0 && spawnSync('setpriv', [...AS_ROOT_WITHOUT, 'true']).status === 0
    ? undefined
    : 'not root: only root can drop its right to read files of others';

/** Starts `sotto` as a process that may read only what is root's. */
export function startWithoutPermission(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn('setpriv', [...AS_ROOT_WITHOUT, process.execPath, launcher, ...args], {
    env,
    stdio: 'ignore',
  });
}

/** Makes a file one that such a process may not open; a folder needs `0o700`. */
export function makePrivate(path: string, mode = 0o600): void {
  chownSync(path, OTHER_USER, OTHER_USER);
  chmodSync(path, mode);
}

/** A lease on a file: a program that opens it waits until the lease ends, as for the answer to a prompt of macOS. */
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

/** Resolves once no program can open the file. @returns what ends that */
export async function holdBack(path: string): Promise<() => void> {
  const holder = spawn('python3', ['-c', LEASE, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', () => reject(new Error('the lease was refused')));
  });
  return () => void holder.stdin.end();
}
