/** Finds the process that listens on a port, if this user may know it. */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { platform } from 'node:os';

const LSOF_TIMEOUT_MS = 3_000;
/** State of a listening socket in /proc/net/tcp. */
const LISTEN_STATE = '0A';

/** @returns such as `python3 (pid 4711)`; undefined if the process belongs to another user or has exited */
export async function portHolder(port: number): Promise<string | undefined> {
  try {
    return platform() === 'linux' ? await fromProc(port) : await fromLsof(port);
  } catch {
    return undefined;
  }
}

async function fromProc(port: number): Promise<string | undefined> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  );
  const sockets = new Set(tables.flatMap((table) => listeners(table, port)));
  if (sockets.size === 0) return undefined;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // Processes of other users can't be read.
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (!sockets.has(target)) continue;
      return describeProcess((await readFile(`/proc/${pid}/comm`, 'utf8')).trim(), pid);
    }
  }
  return undefined;
}

/**
 * Parses lines such as `0: 0100007F:1E08 00000000:0000 0A … inode …`.
 * @returns link targets of the file descriptors that own the sockets
 */
function listeners(table: string, port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === LISTEN_STATE && local.endsWith(ending) ? [`socket:[${inode}]`] : [];
  });
}

function fromLsof(port: number): Promise<string | undefined> {
  const args = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'];
  return new Promise((resolve) => {
    execFile('lsof', args, { timeout: LSOF_TIMEOUT_MS }, (_error, stdout) => {
      const pid = /^p(\d+)$/m.exec(stdout)?.[1];
      const name = /^c(.+)$/m.exec(stdout)?.[1];
      resolve(pid === undefined || name === undefined ? undefined : describeProcess(name, pid));
    });
  });
}

function describeProcess(name: string, pid: string): string {
  return `${name} (pid ${pid})`;
}
