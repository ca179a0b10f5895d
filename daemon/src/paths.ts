/** Where things are: Sotto's own, and those it keeps on the user's machine. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export * from './user-paths.js';

/** Root of the clone or package: this file runs as `dist/daemon/src/paths.js`. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Models that come with Sotto. */
export const bundledModels = join(packageRoot, 'assets', 'models');

/** Sample speech that comes with Sotto. */
export const bundledSpeech = join(packageRoot, 'assets', 'speech');

export const launcher = join(packageRoot, 'daemon', 'bin', 'sotto.mjs');
