/** Paths of Node, those that survive an upgrade before the current one. */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param current the running program (`process.execPath`)
 * @param bundled paths of the Node in a release
 * @param same whether two paths are the same file
 */
export function nodePaths(
  current: string,
  user: string,
  bundled: readonly string[] = [],
  same: (a: string, b: string) => boolean = isSameFile,
): string[] {
  const stable = [
    ...bundled,
    // Homebrew: the next upgrade removes `Cellar/node/22.1.0/bin/node`, these links stay.
    ...brewLinks(current),
    '/opt/homebrew/bin/node',
    '/usr/local/bin/node',
    '/opt/local/bin/node', // MacPorts
    '/usr/bin/node',
    join(user, '.volta', 'bin', 'node'),
    join(user, '.local', 'share', 'mise', 'shims', 'node'),
    join(user, '.asdf', 'shims', 'node'),
    // fnm: Linux, then macOS
    join(user, '.local', 'share', 'fnm', 'aliases', 'default', 'bin', 'node'),
    join(user, 'Library', 'Application Support', 'fnm', 'aliases', 'default', 'bin', 'node'),
  ];
  const now = stable.find((path) => same(path, current)) ?? current;
  return [...new Set([now, ...stable])];
}

function brewLinks(current: string): string[] {
  const cellar = /^(.*)\/Cellar\/(node(?:@\d+)?)\//.exec(current);
  return cellar?.[1] === undefined ? [] : [`${cellar[1]}/opt/${cellar[2] ?? 'node'}/bin/node`];
}

function isSameFile(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
