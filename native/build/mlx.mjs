// Locates MLX: MLX_DIR (a local build, Homebrew), otherwise the pinned wheel of this platform.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compareVersions, SetupError } from './system.mjs';
import { fetchWheel } from './wheel.mjs';

export const pins = JSON.parse(readFileSync(new URL('pins.json', import.meta.url), 'utf8'));

/**
 * @returns `{ include, lib, version, source, isExternal }`: the directories of the headers and of libmlx, the
 * version of the headers, a description of the source, and whether it is outside the clone (then the rpath is
 * absolute)
 */
export async function findMlx(system, target, vendor) {
  const mlxDir = system.env.MLX_DIR;
  if (mlxDir) return readMlx(path.resolve(mlxDir), target, `MLX_DIR=${mlxDir}`, true);
  const pin = wheelFor(system, target, 'mlx');
  const dir = await fetchWheel(system, vendor, pin);
  return readMlx(path.join(dir, 'mlx'), target, pin.requirement, false);
}

/** OpenBLAS for Linux, where MLX links the slow reference BLAS; undefined elsewhere and with MLX_DIR. */
export async function findOpenBlas(system, target, vendor) {
  if (!target.startsWith('linux') || system.env.MLX_DIR) return undefined;
  const dir = await fetchWheel(system, vendor, wheelFor(system, target, 'openblas'));
  return { lib: path.join(dir, 'scipy_openblas32', 'lib') };
}

/** The pin for this machine: of the macOS wheels, the newest that the system can run. */
export function wheelFor(system, target, part) {
  const candidates = pins.wheels.filter((pin) => pin.part === part && pin.target === target);
  const macos = system.platform === 'darwin' ? system.macosVersion() : undefined;
  const fitting = candidates.find(
    (pin) => pin.macos === undefined || (macos !== undefined && compareVersions(pin.macos, macos) <= 0),
  );
  if (fitting === undefined) {
    throw new SetupError(`MLX needs macOS 14 or newer; this is macOS ${macos}.`, 'Update macOS.');
  }
  const glibc = system.glibc();
  if (fitting.glibc !== undefined && (glibc === undefined || compareVersions(glibc, fitting.glibc) < 0)) {
    throw new SetupError(
      `The prebuilt MLX needs glibc ${fitting.glibc} or newer; this system has ${glibc ?? 'another C library'}.`,
      'Use a newer distribution (Debian 12, Ubuntu 22.04), or build MLX and point MLX_DIR at it.',
    );
  }
  return fitting;
}

function readMlx(root, target, source, isExternal) {
  const header = path.join(root, 'include', 'mlx', 'version.h');
  const library = path.join(root, 'lib', target.startsWith('darwin') ? 'libmlx.dylib' : 'libmlx.so');
  for (const file of [header, library]) {
    if (existsSync(file)) continue;
    throw new SetupError(
      `${source} contains no MLX: ${path.relative(root, file)} is missing in ${root}.`,
      isExternal
        ? 'MLX_DIR must contain include/mlx and lib/libmlx (Homebrew: `MLX_DIR=$(brew --prefix mlx)`); or unset it to use the pinned wheel.'
        : `Delete ${root} and run setup again.`,
    );
  }
  const version = headerVersion(readFileSync(header, 'utf8'));
  if (compareVersions(version, pins.mlx) < 0) {
    throw new SetupError(
      `${source} is MLX ${version}; Sotto needs ${pins.mlx} or newer.`,
      'Update it (Homebrew: `brew upgrade mlx`), or unset MLX_DIR to use the pinned wheel.',
    );
  }
  return { include: path.join(root, 'include'), lib: path.dirname(library), version, source, isExternal };
}

/** `0.32.4` from the text of mlx/version.h. */
export function headerVersion(text) {
  const part = (name) => new RegExp(`#define MLX_VERSION_${name} (\\d+)`).exec(text)?.[1] ?? '0';
  return ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.');
}
