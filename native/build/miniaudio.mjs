// Fetches miniaudio's single header from a pinned npm package that contains it unchanged; its hash is that of
// the release.
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fetchOnce } from './fetch-once.mjs';
import { pins } from './mlx.mjs';
import { unpackPackage } from './npm-package.mjs';
import { checkHash } from './wheel.mjs';

/** Puts `miniaudio.h` into a directory below `vendor`, unless it is there. @returns the directory */
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
