/** What the laws are about: the files of the repository as git knows them, new ones included. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '#daemon/paths.js';

/** Paths relative to the repository, of files that are tracked or about to be. */
export function repositoryFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const names = execFileSync('git', args, { cwd: packageRoot, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return names.split('\0').filter((name) => name !== '' && existsSync(join(packageRoot, name)));
}

/** A file's text, or undefined where it is none. */
export function textOf(name: string): string | undefined {
  const bytes = readFileSync(join(packageRoot, name));
  return bytes.subarray(0, 8_192).includes(0) ? undefined : bytes.toString('utf8');
}
