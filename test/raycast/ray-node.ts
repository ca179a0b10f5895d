/** Finds a Node for Raycast's tools, which require 22.22.2: the running one, or the pinned package of `.ci/tools`. */
import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
export const toolsFolder = fileURLToPath(new URL('../../../.ci/tools', import.meta.url));
const MIN_NODE_VERSION = [22, 22, 2];
const INSTALL_TIMEOUT_MS = 240_000;

/** @param version for example `v22.23.3` */
export function isNewEnough(version: string): boolean {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  for (const [at, minimum] of MIN_NODE_VERSION.entries()) {
    const have = parts[at] ?? 0;
    if (have !== minimum) return have > minimum;
  }
  return true;
}

/**
 * @returns the folder of a `node` that Raycast's tools accept
 * @throws Error the error of npm if the package cannot be installed
 */
export async function nodeForRay(): Promise<string> {
  if (isNewEnough(process.version)) return dirname(process.execPath);
  const bin = join(toolsFolder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
  if (!existsSync(join(bin, 'node'))) await installTools();
  if (existsSync(join(bin, 'node'))) return bin;
  throw new Error(
    `Raycast's tools require Node ${MIN_NODE_VERSION.join('.')}, which has no package for ${process.platform}-${process.arch}`,
  );
}

/** Runs `npm ci` in `.ci/tools` if needed. Its lockfile pins versions and hashes. */
export async function installTools(): Promise<void> {
  const changedMs = (file: string): number =>
    statSync(join(toolsFolder, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (changedMs('node_modules/.package-lock.json') >= changedMs('package-lock.json')) return;
  await execute('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: toolsFolder,
    timeout: INSTALL_TIMEOUT_MS,
  });
}
