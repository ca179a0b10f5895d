/** Builds an extension with Raycast's `ray build`, as for the Store: bundled, minified, type-checked. */
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readManifest, type Manifest } from './manifest.js';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

export const extensionFolder = join(root, 'extension');
const ray = join(extensionFolder, 'node_modules/.bin/ray');
const INSTALL_TIMEOUT_MS = 240_000;
export const fixtureFolder = join(root, 'test/raycast/fixture');

export interface BuiltExtension {
  readonly manifest: Manifest;
  /** Has one CommonJS file for each command, and `assets/`. */
  readonly folder: string;
  /** Path of the API's types. */
  readonly types: string;
  remove(): void;
}

/**
 * Installs the extension's packages if they are missing.
 * @returns why the extension cannot be built on this machine, or undefined
 */
export async function whyNotBuilt(): Promise<string | undefined> {
  if (!existsSync(join(extensionFolder, 'package-lock.json')))
    return 'no Raycast packages: there is no extension/package-lock.json';
  if (existsSync(ray)) return undefined;
  const release = await acquireInstallLock();
  try {
    if (existsSync(ray)) return undefined;
    // `npm test` passes on the root's `engine-strict`, and Raycast's tools require Node 22, although they build on 20.
    const flags = ['--no-audit', '--no-fund', '--engine-strict=false'];
    await execute('npm', ['ci', ...flags], { cwd: extensionFolder, timeout: INSTALL_TIMEOUT_MS });
    return undefined;
  } catch (error) {
    return `no Raycast packages: npm ci in extension/ failed, ${String(error).slice(0, 300)}`;
  } finally {
    release();
  }
}

/** Suites run in parallel, and two installations in one folder break each other. @returns releases the lock */
async function acquireInstallLock(): Promise<() => void> {
  const mark = join(extensionFolder, '.installing');
  for (;;) {
    try {
      mkdirSync(mark);
      return () => rmSync(mark, { recursive: true, force: true });
    } catch {
      const sinceMs = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      // A killed process has left the lock.
      if (Date.now() - sinceMs > INSTALL_TIMEOUT_MS) rmSync(mark, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/**
 * Builds a folder without `node_modules` with the extension's packages.
 * @throws Error the output of `ray build` if it fails
 */
export async function buildExtension(folder: string): Promise<BuiltExtension> {
  const temp = mkdtempSync(join(tmpdir(), 'ray-'));
  const out = join(temp, 'built');
  let from = folder;
  if (!existsSync(join(folder, 'node_modules'))) {
    from = join(temp, 'source');
    cpSync(folder, from, { recursive: true });
    symlinkSync(join(extensionFolder, 'node_modules'), join(from, 'node_modules'));
  }
  try {
    await execute(join(from, 'node_modules/.bin/ray'), ['build', '-e', 'dist', '-o', out, '-I'], {
      cwd: from,
      timeout: 120_000,
      env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' },
    });
  } catch (error) {
    rmSync(temp, { recursive: true, force: true });
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`ray build failed for ${folder}:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
  return {
    manifest: readManifest(JSON.parse(readFileSync(join(out, 'package.json'), 'utf8'))),
    folder: out,
    types: join(from, 'node_modules/@raycast/api/types/index.d.ts'),
    remove: () => rmSync(temp, { recursive: true, force: true }),
  };
}
