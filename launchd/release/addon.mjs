// A built addon and the libraries that it is linked with.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loading as elfLoading, isElf } from '../../native/build/elf.mjs';
import { loading as machoLoading } from '../../native/build/macho.mjs';
import { pins } from '../../native/build/mlx.mjs';
import { SetupError } from '../../native/build/system.mjs';

/**
 * Finds the parts of a release in the build `folder`: the addon, sotto-mic, the wheels in native/vendor that the
 * addon's rpaths point to, and the content of `build.json`.
 * @throws SetupError for an addon that is linked with other libraries (MLX_DIR)
 */
export function readAddon(root, target, folder) {
  const addon = path.join(folder, 'sotto-mlx.node');
  const content = readFileSync(addon);
  const { rpaths } = isElf(content) ? elfLoading(content) : machoLoading(content);
  const vendor = path.join(root, 'native/vendor');
  const wheels = rpaths.map((rpath) => {
    const inside = path.relative(vendor, path.join(folder, rpath.replace(/^(\$ORIGIN|@loader_path)/, '.')));
    if (inside.startsWith('..')) {
      throw new SetupError(
        `The addon for ${target} is linked with libraries in ${rpath}.`,
        'Unset MLX_DIR and run setup again: a release uses the pinned ones.',
      );
    }
    return path.join(vendor, inside.split(path.sep)[0]);
  });
  const isOn = (part) =>
    pins.wheels.find((pin) => pin.part === part && wheels.some((wheel) => isUnpacked(wheel, pin)));
  const mlx = isOn('mlx');
  const info = { target, mlx: pins.mlx, source: mlx?.requirement, openblas: isOn('openblas') !== undefined };
  return { target, addon, mic: path.join(folder, 'sotto-mic'), wheels, info };
}

const isUnpacked = (wheel, pin) => wheel.endsWith(`-${pin.target}-${pin.sha256.slice(0, 8)}`);
