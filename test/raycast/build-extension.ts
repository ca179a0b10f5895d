/** Builds an extension with Raycast's own `ray build`, as for the Store: bundled, minified, its types checked. */
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
  /** One CommonJS file for each command, and `assets/`. */
  readonly folder: string;
  /** The types of the API that it was built against. */
  readonly types: string;
  remove(): void;
}

/** Why nothing can be built here, or undefined; installs the extension's packages if they are missing. */
export async function whyNotBuilt(): Promise<string | undefined> {
  if (!existsSync(join(extensionFolder, 'package-lock.json')))
    return 'no Raycast packages: there is no extension/package-lock.json';
  if (existsSync(ray)) return undefined;
  const release = await acquireInstallLock();
  try {
    if (existsSync(ray)) return undefined;
    // Under `npm test` the root's `engine-strict` holds here too, and Raycast's tools ask for Node 22, though they build on 20.
    const flags = ['--no-audit', '--no-fund', '--engine-strict=false'];
    await execute('npm', ['ci', ...flags], { cwd: extensionFolder, timeout: INSTALL_TIMEOUT_MS });
    return undefined;
  } catch (error) {
    return `no Raycast packages: npm ci in extension/ failed, ${String(error).slice(0, 300)}`;
  } finally {
    release();
  }
}

/** Suites run beside each other, and two installations in one folder break each other. */
async function acquireInstallLock(): Promise<() => void> {
  const mark = join(extensionFolder, '.installing');
  for (;;) {
    try {
      mkdirSync(mark);
      return () => rmSync(mark, { recursive: true, force: true });
    } catch {
      const sinceMs = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      // Left behind by one that was killed.
      if (Date.now() - sinceMs > INSTALL_TIMEOUT_MS) rmSync(mark, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Throws what `ray build` says if it refuses. A folder without packages of its own is built with the extension's. */
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
    throw new Error(`ray build refused ${folder}:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
  return {
    manifest: readManifest(JSON.parse(readFileSync(join(out, 'package.json'), 'utf8'))),
    folder: out,
    types: join(from, 'node_modules/@raycast/api/types/index.d.ts'),
    remove: () => rmSync(temp, { recursive: true, force: true }),
  };
}
