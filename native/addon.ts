/** Loads the addon once per thread and explains a failure to load it. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Binding } from './contract.js';

/** The clone's root. This file runs as dist/native/addon.js. */
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

interface AddonLocation {
  /** `<platform>-<arch>`. */
  target: string;
  root: string;
}

/** @throws Error with code NATIVE_UNAVAILABLE: what is wrong and what to do */
export function loadAddon({ target, root }: AddonLocation): Binding {
  const file = path.join(root, 'native/lib', target, 'sotto-mlx.node');
  if (!existsSync(file)) throw unavailable(explainMissing(target), 'run `npm run setup` in ' + root);
  try {
    // The one unchecked use of the contract; test/native/contract.test.ts verifies it.
    return createRequire(import.meta.url)(file) as Binding;
  } catch (error) {
    throw unavailable(...explainLoadFailure(file, error), error);
  }
}

function explainMissing(target: string): string {
  const supported = ['darwin-arm64', 'linux-x64', 'linux-arm64'];
  if (supported.includes(target)) return `MLX's addon is not built for ${target}`;
  return `MLX's addon does not support ${target} (only ${supported.join(', ')})`;
}

/** Exported for tests, which cannot remove a library that is already loaded. */
export function explainLoadFailure(file: string, error: unknown): [problem: string, nextStep: string] {
  const text = error instanceof Error ? error.message : String(error);
  const rerunSetup = `run \`npm run setup\` again (delete ${path.dirname(file)} first)`;
  if (
    /libmlx|libscipy_openblas|libjaccl/.test(text) &&
    /cannot open shared object|Library not loaded/i.test(text)
  ) {
    return [
      `the library that ${path.basename(file)} was linked with is missing (${buildSource(file)}): ${text}`,
      rerunSetup,
    ];
  }
  if (/built against MLX/.test(text)) return [text, rerunSetup];
  if (/No Metal device available/.test(text)) {
    return [
      'MLX for macOS needs a GPU, and this session has none (as in some virtual machines, or over ssh without a login)',
      'run Sotto from the desktop of the logged-in user',
    ];
  }
  if (/metallib/.test(text)) return [`MLX's GPU kernels could not be loaded: ${text}`, rerunSetup];
  if (/incompatible architecture|wrong ELF class|invalid ELF header|not a mach-o/i.test(text)) {
    return [`the addon was built for another machine: ${text}`, rerunSetup];
  }
  return [`the addon could not be loaded (${buildSource(file)}): ${text}`, rerunSetup];
}

function buildSource(file: string): string {
  try {
    const info: unknown = JSON.parse(readFileSync(path.join(path.dirname(file), 'build.json'), 'utf8'));
    if (typeof info === 'object' && info !== null && 'source' in info)
      return `built with ${String(info.source)}`;
  } catch {
    // No build record: the load error matters more.
  }
  return 'built with an unknown MLX';
}

/**
 * Selects MLX's default device.
 * @param requested 'cpu' or 'gpu'; MLX chooses if it is undefined or empty
 * @throws Error with code NATIVE_UNAVAILABLE for any other value, and for a GPU that does not exist
 */
export function chooseDevice(
  mlx: Pick<Binding, 'deviceAvailable' | 'setDefaultDevice'>,
  requested: string | undefined,
): void {
  if (requested === undefined || requested === '') return;
  if (requested !== 'cpu' && requested !== 'gpu')
    throw unavailable(`SOTTO_DEVICE is ${JSON.stringify(requested)}`, 'set it to cpu or gpu, or unset it');
  if (!mlx.deviceAvailable(requested))
    throw unavailable('SOTTO_DEVICE is gpu, but MLX finds no GPU', 'unset it or set it to cpu');
  mlx.setDefaultDevice(requested);
}

function unavailable(problem: string, nextStep: string, cause?: unknown): Error {
  const error = new Error(`${problem}; ${nextStep}`, { cause });
  return Object.assign(error, { code: 'NATIVE_UNAVAILABLE' });
}

// A sanitizer build has its own directory (`.ci/sanitize`).
const variant = process.env.SOTTO_SANITIZE ? '-sanitize' : '';

export const binding: Binding = loadAddon({
  target: `${process.platform}-${process.arch}${variant}`,
  root,
});
chooseDevice(binding, process.env.SOTTO_DEVICE);
