/** Paths of Sotto's own files and of the user's data. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Paths } from './user-paths.js';

export * from './user-paths.js';

/** Root of the clone or package: this file runs as `dist/daemon/src/paths.js`. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Models that ship with Sotto. */
export const bundledModels = join(packageRoot, 'assets', 'models');

/** The folders that contain models. */
export function modelDirs({ models }: Paths): { readonly models: string; readonly bundled: string } {
  return { models, bundled: bundledModels };
}

/** Sample speech that ships with Sotto. */
export const bundledSpeech = join(packageRoot, 'assets', 'speech');

export const launcher = join(packageRoot, 'daemon', 'bin', 'sotto.mjs');
