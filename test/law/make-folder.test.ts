import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

const RECURSIVE_MKDIR = /\bmkdir(?:Sync)?\([^;]*recursive:\s*true/;

/** Rooms that run on the user's machine and may import `make-folder`. The extension and the release scripts may not. */
function sources(): string[] {
  const inDaemon = readdirSync(join(root, 'daemon', 'src'), { recursive: true, encoding: 'utf8' });
  return [
    ...inDaemon.map((name) => join('daemon', 'src', name)),
    ...readdirSync(join(root, 'launchd')).map((name) => join('launchd', name)),
  ].filter((name) => name.endsWith('.ts'));
}

test('no room makes folders with Node’s recursive mkdir, which never returns below /proc', () => {
  const files = sources();
  expect(files.length).toBeGreaterThan(200);
  expect(files.filter((name) => RECURSIVE_MKDIR.test(readFileSync(join(root, name), 'utf8')))).toEqual([]);
});

test('the pattern finds such a call', () => {
  expect(RECURSIVE_MKDIR.test('await mkdir(join(a, b), { recursive: true });')).toBe(true);
  expect(RECURSIVE_MKDIR.test('mkdirSync(\n  dirname(to),\n  { mode: 0o700, recursive: true });')).toBe(true);
  expect(RECURSIVE_MKDIR.test('mkdirSync(folder); rmSync(folder, { recursive: true });')).toBe(false);
});
