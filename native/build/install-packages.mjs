// Runs `npm ci` if the installed packages differ from the lockfile.
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
    // The packages' install scripts are not needed, and some download files.
    const result = await system.run('npm', ['ci', '--ignore-scripts', '--no-progress'], { cwd: root });
    if (result.code !== 0) throw npmFailure(result.stderr);
  }
  writeFileSync(stamp, hash);
  return missing.length > 0;
}

/** npm's own error lines, without its manual page, and a next step. */
export function npmFailure(stderr) {
  const errorLines = stderr.split('\n').filter((line) => line.startsWith('npm error') && line.length > 10);
  const details = errorLines.slice(0, 25).join('\n');
  if (stderr.includes('EUSAGE')) {
    return new SetupError(
      '`npm ci` failed: package.json and package-lock.json disagree, or the registry lacks a package.',
      'See the packages above. After changing package.json, run `npm install` once.',
      details,
    );
  }
  return new SetupError(
    '`npm ci` failed.',
    "Check the network and npm's registry settings and run setup again.",
    details,
  );
}

/** Packages of the lockfile that are missing or have another version in npm's record of what is installed. */
export function notInstalled(lock, record) {
  const installed = record.packages ?? {};
  return Object.entries(lock.packages ?? {})
    .filter(
      ([place, entry]) => place !== '' && !entry.optional && installed[place]?.version !== entry.version,
    )
    .map(([place]) => place);
}
