/** Creates paths that no program can use as a regular file, one per file system error. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { launcher } from './run-sotto.js';
import type { Missing } from './skipping.js';

/** An unprivileged user without access to root's private files. */
export const OTHER_USER = 65534;

/** Why the command can't run as that user; undefined if it can. */
export const noOtherUser: Missing = otherUserMissing();

function otherUserMissing(): Missing {
  if (process.getuid?.() !== 0) return 'not root: only root runs a command as another user';
  const script = 'fs.accessSync(process.argv[1])';
  const { status } = spawnSync(process.execPath, ['-e', script, launcher], {
    uid: OTHER_USER,
    stdio: 'ignore',
  });
  return status === 0 ? undefined : 'a private folder: another user may not open Node or the project';
}

/** Containers may not be allowed to create devices. */
export function noDevices(folder: string): Missing {
  const path = join(folder, 'probe');
  return spawnSync('mknod', [path, 'c', '1', '3']).status === 0
    ? undefined
    : 'no mknod: this user may make no device';
}

export interface OddPaths {
  readonly loop: string;
  readonly long: string;
  readonly below: string;
  readonly broken: string;
  readonly folder: string;
  readonly pipe: string;
  readonly socket: string;
  readonly empty: string;
  /** In a private folder. */
  readonly denied: string;
  close(): void;
}

export async function makeOddPaths(folder: string): Promise<OddPaths> {
  const at = (name: string): string => join(folder, name);
  chmodSync(folder, 0o755);
  symlinkSync(at('loop-b'), at('loop-a'));
  symlinkSync(at('loop-a'), at('loop-b'));
  symlinkSync(at('nothing'), at('broken'));
  mkdirSync(at('folder'));
  execFileSync('mkfifo', [at('pipe')]);
  writeFileSync(at('empty'), '');
  mkdirSync(at('private'), { mode: 0o700 });
  mkdirSync(join(at('private'), 'inner'));
  const server: Server = createServer();
  await new Promise<void>((done) => server.listen(at('socket'), done));
  return {
    loop: at('loop-a'),
    long: at('n'.repeat(300)),
    below: join(at('empty'), 'inner'),
    broken: at('broken'),
    folder: at('folder'),
    pipe: at('pipe'),
    socket: at('socket'),
    empty: at('empty'),
    denied: join(at('private'), 'inner'),
    close: () => void server.close(),
  };
}
