// Unpacks files of a pinned npm package, which npm fetches with the user's settings.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { SetupError } from './system.mjs';
import { checkHash } from './wheel.mjs';

/**
 * @param pin `{ requirement, sha256 }`: `name@version`, and the hash of its file
 * @param paths files to unpack, as `package/…`
 * @param what name of the content, for messages
 * @returns the directory `package` below `scratch`
 * @throws SetupError
 */
export async function unpackPackage(system, scratch, { requirement, sha256 }, paths, what) {
  system.log(`fetching ${what}`);
  const args = ['pack', requirement, '--pack-destination', scratch, '--ignore-scripts', '--silent'];
  // Run outside the clone, whose package.json is another package.
  const result = await system.run('npm', args, { cwd: scratch });
  const archive = (await readdir(scratch)).find((file) => file.endsWith('.tgz'));
  if (result.code !== 0 || archive === undefined) {
    throw new SetupError(
      `npm could not fetch ${requirement}, which contains ${what}.`,
      "Check the network and npm's registry settings and run setup again.",
      result.stderr,
    );
  }
  await checkHash(path.join(scratch, archive), { sha256 }, 'npm');
  const unpacked = await system.run('tar', ['-xzf', path.join(scratch, archive), '-C', scratch, ...paths]);
  if (unpacked.code !== 0) {
    throw new SetupError(
      `${archive} could not be unpacked.`,
      'Check the free disk space and run setup again.',
      unpacked.stderr,
    );
  }
  return path.join(scratch, 'package');
}
