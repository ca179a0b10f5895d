/** Makes the Store copy of the extension (`launchd/release/store.mjs`) in a temporary folder. */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, root } from '../launchd/release-modules.js';
import { extensionFolder } from './build-extension.js';

/** @returns the folder, without installed packages */
export async function makeStoreCopy(): Promise<string> {
  const folder = join(realpathSync(mkdtempSync(join(tmpdir(), 'so-store-'))), 'sotto');
  const { writeStoreCopy } = await load('launchd/release/store.mjs');
  writeStoreCopy(root, folder);
  return folder;
}

/** Replaces `npm ci`: links the packages of the repository, except Sotto, which the copy has itself. */
export function linkPackages(folder: string): void {
  const packages = join(folder, 'node_modules');
  mkdirSync(packages);
  for (const name of readdirSync(join(extensionFolder, 'node_modules')))
    if (name !== 'sotto') symlinkSync(join(extensionFolder, 'node_modules', name), join(packages, name));
  symlinkSync('../sotto', join(packages, 'sotto'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'sotto/node_modules'));
}
