/** Loads the addon, once per thread, and explains it when that fails. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Binding } from './contract.js';

/** The clone's root: this file runs as dist/native/addon.js. */
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

interface AddonLocation {
  /** `<platform>-<arch>`. */
  target: string;
  /** The clone's root. */
  root: string;
}

/** @throws Error with code NATIVE_UNAVAILABLE, one sentence on what is wrong and a next step. */
export function loadAddon({ target, root }: AddonLocation): Binding {
  const file = path.join(root, 'native/lib', target, 'sotto-mlx.node');
  if (!existsSync(file)) throw unavailable(explainMissing(target), 'run `npm run setup` in ' + root);
  try {
    // The one place where the contract is taken at its word; the contract test checks it.
    return createRequire(import.meta.url)(file) as Binding;
  } catch (error) {
    throw unavailable(...explainLoadFailure(file, error), error);
  }
}

function explainMissing(target: string): string {
  const supported = ['darwin-arm64', 'linux-x64', 'linux-arm64'];
  if (supported.includes(target)) return `MLX's addon is not built for ${target}`;
  return `MLX's addon does not exist for ${target} (only for ${supported.join(', ')})`;
}

/** Exported for the tests: a library that is loaded already can't be missing. */
export function explainLoadFailure(file: string, error: unknown): [problem: string, nextStep: string] {
  const text = error instanceof Error ? error.message : String(error);
  const rerunSetup = `run \`npm run setup\` again (delete ${path.dirname(file)} first)`;
  if (
    /libmlx|libscipy_openblas|libjaccl/.test(text) &&
    /cannot open shared object|Library not loaded/i.test(text)
  ) {
    return [
      `the library that ${path.basename(file)} was linked with is gone (${buildSource(file)}): ${text}`,
      rerunSetup,
    ];
  }
  if (/built against MLX/.test(text)) return [text, rerunSetup];
  if (/No Metal device available/.test(text)) {
    return [
      'this session has no GPU, and MLX for macOS can’t do without: some virtual machines and ssh without a login have none',
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
    // No record: say so, the error itself is more important.
  }
  return 'built with an unknown MLX';
}

/**
 * Makes the asked-for processor the one that computes.
 * @param asked 'cpu' or 'gpu'; MLX chooses where it is undefined or empty
 * @throws Error with code NATIVE_UNAVAILABLE for another word, and for a GPU that isn't there
 */
export function chooseDevice(
  mlx: Pick<Binding, 'deviceAvailable' | 'setDefaultDevice'>,
  requested: string | undefined,
): void {
  if (requested === undefined || requested === '') return;
  if (requested !== 'cpu' && requested !== 'gpu')
    throw unavailable(`SOTTO_DEVICE is ${JSON.stringify(requested)}`, 'set it to cpu or gpu, or unset it');
  if (!mlx.deviceAvailable(requested))
    throw unavailable('SOTTO_DEVICE asks for a GPU, and MLX finds none', 'unset it or set it to cpu');
  mlx.setDefaultDevice(requested);
}

function unavailable(problem: string, nextStep: string, cause?: unknown): Error {
  const error = new Error(`${problem}; ${nextStep}`, { cause });
  return Object.assign(error, { code: 'NATIVE_UNAVAILABLE' });
}

// A build that looks for memory errors lies in a folder of its own (`.ci/sanitize`).
const variant = process.env.SOTTO_SANITIZE ? '-sanitize' : '';

export const binding: Binding = loadAddon({
  target: `${process.platform}-${process.arch}${variant}`,
  root,
});
chooseDevice(binding, process.env.SOTTO_DEVICE);
