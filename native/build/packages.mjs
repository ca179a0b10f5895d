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
    system.log('installing packages (npm ci)');
    // The packages' own install scripts are not needed here, and some of them download.
    const result = await system.run('npm', ['ci', '--ignore-scripts', '--no-progress'], { cwd: root });
    if (result.code !== 0) throw npmFailure(result.stderr);
  }
  writeFileSync(stamp, hash);
  return missing.length > 0;
}

/** npm's own words, less its manual page, and what to do about them. */
export function npmFailure(stderr) {
  const errorLines = stderr.split('\n').filter((line) => line.startsWith('npm error') && line.length > 10);
  const details = errorLines.slice(0, 25).join('\n');
  if (stderr.includes('EUSAGE')) {
    return new SetupError(
      '`npm ci` failed: package.json and package-lock.json disagree, or a package is not to be had from this registry.',
      'See which packages above; after a change of package.json run `npm install` once.',
      details,
    );
  }
  return new SetupError(
    '`npm ci` failed.',
    "Check the network and npm's registry settings and run setup again.",
    details,
  );
}

/** Packages of a lockfile that npm's record of what is installed lacks or has in another version. */
export function notInstalled(lock, record) {
  const installed = record.packages ?? {};
  return Object.entries(lock.packages ?? {})
    .filter(
      ([place, entry]) => place !== '' && !entry.optional && installed[place]?.version !== entry.version,
    )
    .map(([place]) => place);
}
