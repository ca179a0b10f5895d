// The Node that a release includes, so that users need none: a pinned npm package of its binary.
import path from 'node:path';
import { fetchOnce } from '../../native/build/fetch-once.mjs';
import { pins } from '../../native/build/mlx.mjs';
import { unpackPackage } from '../../native/build/npm-package.mjs';
import { SetupError } from '../../native/build/system.mjs';

const PACKAGE_FILES = ['package/bin/node', 'package/LICENSE'];

/**
 * Downloads Node for a target once, into `vendor`.
 * @returns `{ program, license, version }`: two files and the version
 * @throws SetupError if it can't be downloaded or isn't the pinned one
 */
export async function bundledNode(system, vendor, target) {
  const { version, packages } = pins.node;
  const pin = packages.find((one) => one.target === target);
  if (pin === undefined)
    throw new SetupError(`No Node is pinned for ${target}.`, 'Add it to native/build/pins.json.');
  const name = `node-${version}-${target}-${pin.sha256.slice(0, 8)}`;
  const wanted = { requirement: `${pin.name}@${version}`, sha256: pin.sha256 };
  const home = await fetchOnce(vendor, name, (scratch) =>
    unpackPackage(system, scratch, wanted, PACKAGE_FILES, `Node ${version} for ${target}`),
  );
  return { program: path.join(home, 'bin/node'), license: path.join(home, 'LICENSE'), version };
}
