// Where MLX comes from: MLX_DIR (an own build, Homebrew's), else the pinned wheel of this platform.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compareVersions, SetupError } from './system.mjs';
import { fetchWheel } from './wheel.mjs';

export const pins = JSON.parse(readFileSync(new URL('pins.json', import.meta.url), 'utf8'));

/**
 * @returns `{ include, lib, version, source, own }`: the header folder, the folder of libmlx, the version of the
 *   headers, where it came from in words, and whether it lies outside the clone (then the rpath is absolute).
 */
export async function findMlx(system, target, vendor) {
  const isExternal = system.env.MLX_DIR;
  if (isExternal) return readMlx(path.resolve(isExternal), target, `MLX_DIR=${isExternal}`, true);
  const pin = wheelFor(system, target, 'mlx');
  const dir = await fetchWheel(system, vendor, pin);
  return readMlx(path.join(dir, 'mlx'), target, pin.requirement, false);
}

/** OpenBLAS for Linux, where MLX's own BLAS is the slow reference one; undefined elsewhere and with an own MLX. */
export async function findOpenBlas(system, target, vendor) {
  if (!target.startsWith('linux') || system.env.MLX_DIR) return undefined;
  const dir = await fetchWheel(system, vendor, wheelFor(system, target, 'openblas'));
  return { lib: path.join(dir, 'scipy_openblas32', 'lib') };
}

/** The pin that fits the machine: the newest macOS wheel that its system can run. */
export function wheelFor(system, target, part) {
  const candidates = pins.wheels.filter((pin) => pin.part === part && pin.target === target);
  const macos = system.platform === 'darwin' ? system.macosVersion() : undefined;
  const fitting = candidates.find(
    (pin) => pin.macos === undefined || (macos !== undefined && compareVersions(pin.macos, macos) <= 0),
  );
  if (fitting === undefined) {
    throw new SetupError(`MLX needs macOS 14 or newer, and this is macOS ${macos}.`, 'Update macOS.');
  }
  const glibc = system.glibc();
  if (fitting.glibc !== undefined && (glibc === undefined || compareVersions(glibc, fitting.glibc) < 0)) {
    throw new SetupError(
      `The prebuilt MLX needs glibc ${fitting.glibc} or newer, and this system has ${glibc ?? 'another C library'}.`,
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
      `${source} holds no MLX: ${path.relative(root, file)} is missing in ${root}.`,
      isExternal
        ? 'MLX_DIR must hold include/mlx and lib/libmlx (Homebrew: `MLX_DIR=$(brew --prefix mlx)`); or unset it to take the pinned wheel.'
        : `Delete ${root} and run setup again.`,
    );
  }
  const version = headerVersion(readFileSync(header, 'utf8'));
  if (compareVersions(version, pins.mlx) < 0) {
    throw new SetupError(
      `${source} is MLX ${version}, and Sotto needs ${pins.mlx} or newer.`,
      'Update it (Homebrew: `brew upgrade mlx`), or unset MLX_DIR to take the pinned wheel.',
    );
  }
  return { include: path.join(root, 'include'), lib: path.dirname(library), version, source, isExternal };
}

/** `0.32.4` from the text of mlx/version.h. */
export function headerVersion(text) {
  const part = (name) => new RegExp(`#define MLX_VERSION_${name} (\\d+)`).exec(text)?.[1] ?? '0';
  return ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.');
}
