// miniaudio, the one header that sotto-mic is built around: out of a pinned npm package, which carries it unchanged; its hash is
// that of the author's release.
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fetchOnce } from './fetch-once.mjs';
import { pins } from './mlx.mjs';
import { unpackPackage } from './npm-package.mjs';
import { checkHash } from './wheel.mjs';

/** Puts `miniaudio.h` into a folder below `vendor` and returns the folder; does nothing where that is already done. */
export function miniaudioHeader(system, vendor, pin = pins.miniaudio) {
  const name = `miniaudio-${pin.version}-${pin.headerSha256.slice(0, 8)}`;
  return fetchOnce(vendor, name, async (scratch) => {
    await unpackPackage(system, scratch, pin, [pin.header], `miniaudio ${pin.version}`);
    const content = path.join(scratch, 'content');
    await mkdir(content);
    await copyFile(path.join(scratch, pin.header), path.join(content, 'miniaudio.h'));
    await checkHash(path.join(content, 'miniaudio.h'), { sha256: pin.headerSha256 }, 'npm');
    return content;
  });
}
