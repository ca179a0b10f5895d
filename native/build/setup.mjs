// Brings a fresh clone to a working state; silent if there is nothing to do: packages → MLX (found or
// fetched) → OpenBLAS on Linux → the C++ addon → miniaudio (fetched) → sotto-mic → TypeScript.
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { compileAddon } from './compile.mjs';
import { withLock } from './lock.mjs';
import { compileMic } from './mic.mjs';
import { miniaudioHeader } from './miniaudio.mjs';
import { findMlx, findOpenBlas } from './mlx.mjs';
import { installPackages } from './install-packages.mjs';
import { SetupError, targetOf, thisSystem } from './system.mjs';
import { compileTypeScript } from './typescript.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export async function setup(system) {
  const target = targetOf(system);
  const vendor = path.join(root, 'native/vendor');
  await withLock(system, path.join(root, 'native/obj/.lock'), async () => {
    await installPackages(system, root);
    const [mlx, openblas, miniaudio] = await Promise.all([
      findMlx(system, target, vendor),
      findOpenBlas(system, target, vendor),
      miniaudioHeader(system, vendor),
    ]);
    await compileAddon(system, root, target, mlx, openblas);
    await compileMic(system, root, target, miniaudio);
    if (!system.env.SOTTO_SETUP_NATIVE_ONLY) await compileTypeScript(system, root);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setup(thisSystem());
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    if (error.details) console.error(error.details.trimEnd());
    console.error(`setup failed: ${error.message}\n  → ${error.nextStep}`);
    process.exitCode = 1;
  }
}
