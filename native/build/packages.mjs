// `npm ci` when what is installed is not what the lockfile says.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './system.mjs';

export async function installPackages(system, root) {
  const lockText = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  const stamp = path.join(root, 'node_modules/.sotto-lock');
  const hash = createHash('sha256').update(lockText).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return false;
  const hidden = path.join(root, 'node_modules/.package-lock.json');
  const installed = existsSync(hidden) ? readFileSync(hidden, 'utf8') : '{}';
  const missing = notInstalled(JSON.parse(lockText), JSON.parse(installed));
  if (missing.length > 0) {
    system.say('installing packages (npm ci)');
    // The packages' own install scripts are not needed here, and some of them download.
    const result = await system.run('npm', ['ci', '--ignore-scripts', '--no-progress'], { cwd: root });
    if (result.code !== 0) {
      throw new SetupError(
        '`npm ci` failed.',
        "Check the network and npm's registry settings and run setup again.",
        result.stderr,
      );
    }
  }
  writeFileSync(stamp, hash);
  return missing.length > 0;
}

/** Packages of a lockfile that npm's record of what is installed lacks or has in another version. */
export function notInstalled(lock, record) {
  const have = record.packages ?? {};
  return Object.entries(lock.packages ?? {})
    .filter(([place, entry]) => place !== '' && !entry.optional && have[place]?.version !== entry.version)
    .map(([place]) => place);
}
