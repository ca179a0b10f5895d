// Builds a release: one file per system, and the script that installs it.
//   npm run release [-- --target darwin-arm64|darwin-arm64-macos26|linux-x64] [--out FOLDER] [--url ADDRESS]
// Without a target: all that can be built here. ADDRESS is where the script downloads the files from.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { crossCheck } from '../../native/build/cross-check.mjs';
import { setup } from '../../native/build/setup.mjs';
import { SetupError, targetOf, thisSystem } from '../../native/build/system.mjs';
import { readAddon } from './addon.mjs';
import { bundledNode } from './bundled-node.mjs';
import { renderFormula } from './formula.mjs';
import { inspect } from './inspect.mjs';
import { pack } from './pack.mjs';
import { stage } from './stage.mjs';
import { stampScript } from './stamp.mjs';
import { TARGETS } from './targets.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** @returns `[{ target, file, sha256, bytes, unpackedBytes }]` */
export async function release(system, { targets, out, url }) {
  await setup(system);
  await mkdir(out, { recursive: true });
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const made = [];
  for (const target of targets) {
    const scratch = await mkdtemp(path.join(out, '.stage-'));
    try {
      const folder = path.join(scratch, 'package');
      const { system: runsOn, macos } = TARGETS[target];
      const node = await bundledNode(system, path.join(root, 'native/vendor'), runsOn);
      stage(root, folder, await addonFor(system, target), { node, url });
      const { problems, bytes: unpackedBytes, files } = inspect(folder, runsOn, root, macos);
      if (problems.length > 0) {
        throw new SetupError(`The release for ${target} has problems.`, 'See above.', problems.join('\n'));
      }
      const file = path.join(out, `sotto-${version}-${target}.tgz`);
      made.push({ target, file, files, unpackedBytes, ...(await pack(folder, file)) });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  const script = await readFile(path.join(root, 'launchd/install/install.sh'), 'utf8');
  const sums = Object.fromEntries(made.map(({ target, sha256 }) => [target, sha256]));
  await writeFile(path.join(out, 'install.sh'), stampScript(script, { version, url, sums }), { mode: 0o755 });
  if (url !== '') await writeFile(path.join(out, 'sotto.rb'), renderFormula({ version, url, sums }));
  await writeFile(path.join(out, 'version.json'), `${JSON.stringify({ version })}\n`);
  const lines = made.map(({ file, sha256 }) => `${sha256}  ${path.basename(file)}\n`);
  await writeFile(path.join(out, 'SHA256SUMS'), lines.join(''));
  return made;
}

/** The macOS addon is cross-built on every machine, for the oldest macOS; the Linux addon is that of this machine. */
async function addonFor(system, target) {
  const { system: name, macos } = TARGETS[target];
  if (macos !== undefined) {
    const { output } = await crossCheck(system, macos);
    return readAddon(root, name, path.dirname(output));
  }
  if (target !== targetOf(system)) {
    throw new SetupError(
      `The release for ${target} can't be built on ${targetOf(system)}.`,
      `Build it there, or omit it: --target darwin-arm64.`,
    );
  }
  return readAddon(root, target, path.join(root, 'native/lib', target));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const system = thisSystem();
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true },
      out: { type: 'string', default: path.join(root, 'native/obj/release') },
      url: { type: 'string', default: '' },
    },
  });
  try {
    const unknown = values.target?.find((target) => TARGETS[target] === undefined);
    if (unknown !== undefined)
      throw new SetupError(
        `There is no release for ${unknown}.`,
        `Choose from ${Object.keys(TARGETS).join(', ')}.`,
      );
    const targets = values.target ?? [...new Set(['darwin-arm64', 'darwin-arm64-macos26', targetOf(system)])];
    const made = await release(system, { targets, out: path.resolve(values.out), url: values.url });
    for (const { file, bytes, unpackedBytes, files, sha256 } of made) {
      const size = `${(bytes / 1e6).toFixed(1)} MB, ${(unpackedBytes / 1e6).toFixed(1)} MB in ${files} files unpacked`;
      console.log(`${path.relative(process.cwd(), file)}: ${size}\n  sha256 ${sha256}`);
    }
    console.log(`${path.relative(process.cwd(), path.join(values.out, 'install.sh'))} installs them`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    if (error.details) console.error(error.details.trimEnd());
    console.error(`release failed: ${error.message}\n  → ${error.nextStep}`);
    process.exitCode = 1;
  }
}
