/** Builds a release of this machine's build for tests, from what is already compiled. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, root } from '../launchd/release-modules.js';

export interface Release {
  readonly version: string;
  /** `sotto-VERSION-TARGET.tgz`. */
  readonly file: string;
  /** `install.sh`, stamped for the release. */
  readonly script: string;
}

/** The running Node instead of the pinned one, which is a download of 52 MB. */
export const currentNode = {
  program: process.execPath,
  license: join(root, 'LICENSE'),
  version: process.versions.node,
};

export const target = `${process.platform}-${process.arch}`;

/** @param out output folder @param version replaces the real version, so that there is something to upgrade to */
export async function buildRelease(out: string, version: string): Promise<Release> {
  const { readAddon } = await load('launchd/release/addon.mjs');
  const { stage } = await load('launchd/release/stage.mjs');
  const { inspect } = await load('launchd/release/inspect.mjs');
  const { pack } = await load('launchd/release/pack.mjs');
  const { stampScript } = await load('launchd/release/stamp.mjs');
  const folder = join(out, version, 'package');
  mkdirSync(folder, { recursive: true });
  stage(root, folder, readAddon(root, target, join(root, 'native/lib', target)), { node: currentNode });
  const manifest = join(folder, 'package.json');
  const current = readFileSync(manifest, 'utf8');
  writeFileSync(manifest, current.replace(/"version": ".*"/, `"version": "${version}"`));
  const { problems } = inspect(folder, target, root);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const file = join(out, version, `sotto-${version}-${target}.tgz`);
  const { sha256 } = await pack(folder, file, 1);
  const script = join(out, version, 'install.sh');
  const template = readFileSync(join(root, 'launchd/install/install.sh'), 'utf8');
  writeFileSync(script, stampScript(template, { version, url: '', sums: { [target]: sha256 } }));
  return { version, file, script };
}
