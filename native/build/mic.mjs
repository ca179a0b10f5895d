// Compiles native/mic, the recording program: sotto-mic next to the addon, and a test version with a scripted
// backend. In C, so that it needs only the C library; it loads the audio system at run time.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { findCompiler } from './compiler.mjs';
import { SetupError } from './system.mjs';

const SHARED = ['sotto-mic.c', 'capture.c', 'output.c', 'miniaudio.c'];
/** The audio backend of the released program. */
export const SYSTEM_BACKEND = 'system-backend.c';
/** Part of the clone, not of the release. */
const SCRIPTED_BACKEND = 'test/harness/scripted-backend.c';

/** Flags to compile one file. @param miniaudio the folder of its header */
export function micFlags(root, target, miniaudio) {
  const flags = ['-std=gnu11', '-O2', '-DNDEBUG', '-fPIE', '-Wall', '-Wextra', '-isystem', miniaudio];
  flags.push('-I', path.join(root, 'native/mic'));
  if (target.startsWith('darwin')) flags.push('-mmacosx-version-min=14.0');
  return flags;
}

/** The test version has the same name, since tests look for it among the processes. */
const scriptedMic = (root, target) => path.join(root, 'native/obj', target, 'mic/scripted/sotto-mic');

/** @returns `{ output, built }` */
export async function compileMic(system, root, target, miniaudio) {
  const flags = micFlags(root, target, miniaudio);
  const folder = path.join(root, 'native/obj', target, 'mic');
  const output = path.join(root, 'native/lib', target, 'sotto-mic');
  const isMac = target.startsWith('darwin');
  // The installed C++ compiler also compiles C and then omits its own library.
  const link = isMac
    ? ['-mmacosx-version-min=14.0']
    : ['-pie', '-Wl,--as-needed', '-lpthread', '-lm', '-ldl'];
  let compiler;
  const cc = async (args) => {
    if (compiler === undefined) {
      compiler = (await findCompiler(system)).command;
      system.log(`compiling sotto-mic with ${compiler}`);
    }
    return system.run(compiler, args);
  };
  const common = { root, folder, flags: ['-x', 'c', ...flags], link, cc };
  const built = await buildMic({ ...common, output, backend: path.join(root, 'native/mic', SYSTEM_BACKEND) });
  const scripted = path.join(root, SCRIPTED_BACKEND);
  if (existsSync(scripted))
    await buildMic({ ...common, output: scriptedMic(root, target), backend: scripted });
  return { output, built };
}

/**
 * Compiles what changed and links it with the compiler behind `cc`.
 * @param backend the C file of the audio backend
 * @returns whether there was anything to do
 */
export async function buildMic({ root, folder, output, flags, link, cc, backend }) {
  const sources = [...SHARED.map((name) => path.join(root, 'native/mic', name)), backend];
  await mkdir(folder, { recursive: true });
  await mkdir(path.dirname(output), { recursive: true });
  const headers = await headersHash(path.join(root, 'native/mic'));
  const objects = [];
  const all = createHash('sha256').update(JSON.stringify(link));
  for (const source of sources) {
    const object = path.join(folder, `${path.basename(source, '.c')}.o`);
    const hash = createHash('sha256')
      .update(JSON.stringify(flags))
      .update(headers)
      .update(await readFile(source))
      .digest('hex');
    if (!isUpToDate(object, hash)) {
      await runOrThrow(
        cc,
        [...flags, '-c', source, '-o', object],
        `${path.basename(source)} did not compile`,
      );
      await writeFile(`${object}.hash`, hash);
    }
    objects.push(object);
    all.update(hash);
  }
  const hash = all.digest('hex');
  const record = path.join(folder, `${path.basename(backend, '.c')}.linked`);
  if (existsSync(output) && existsSync(record) && readFileSync(record, 'utf8') === hash) return false;
  // The rename leaves the old file intact for a running process.
  const fresh = `${output}.${process.pid}.tmp`;
  try {
    await runOrThrow(cc, [...objects, '-o', fresh, ...link], 'sotto-mic could not be linked');
    await rename(fresh, output);
  } finally {
    await rm(fresh, { force: true });
  }
  await writeFile(record, hash);
  return true;
}

function isUpToDate(object, hash) {
  const record = `${object}.hash`;
  return existsSync(object) && existsSync(record) && readFileSync(record, 'utf8') === hash;
}

/** Without miniaudio's header: its hash is in its directory's name, which is one of the flags. */
async function headersHash(folder) {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.h')).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(name).update(await readFile(path.join(folder, name)));
  return hash.digest('hex');
}

async function runOrThrow(cc, args, problem) {
  const result = await cc(args);
  if (result.code !== 0)
    throw new SetupError(`${problem}.`, "See the compiler's output above.", result.stderr.slice(0, 20_000));
}
