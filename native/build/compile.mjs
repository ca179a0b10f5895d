// Compiles native/src/*.cc and links the addon. Recompiles a file when it, a header it includes, or the flags
// change.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { compileFlags, findCompiler, linkFlags, SANITIZE } from './compiler.mjs';
import { SetupError } from './system.mjs';

export async function compileAddon(system, root, target, mlx, openblas) {
  const sanitize = system.env.SOTTO_SANITIZE ? SANITIZE : [];
  // addon.ts loads from the same directory.
  const folder = sanitize.length > 0 ? `${target}-sanitize` : target;
  const output = path.join(root, 'native/lib', folder, 'sotto-mlx.node');
  const objects = path.join(root, 'native/obj', folder);
  const sources = await sourcesFor(root, openblas);
  const flags = [...compileFlags(root, mlx, target, openblas), ...sanitize];
  const link = [...linkFlags(target, output, mlx, openblas), ...sanitize];
  const stamp = createHash('sha256')
    .update(JSON.stringify([flags, link, sources, system.env.CXX]))
    .digest('hex');
  const record = path.join(objects, 'stamp');
  const sameFlags = existsSync(record) && readFileSync(record, 'utf8') === stamp;
  const mtimes = new Map();
  const stale = sources.filter((source) => !sameFlags || !isFresh(objects, source, mtimes));
  if (stale.length === 0 && existsSync(output)) return { output, built: false };

  const compiler = await findCompiler(system);
  if (stale.length > 0)
    system.log(`compiling ${stale.length} C++ file${stale.length > 1 ? 's' : ''} with ${compiler.command}`);
  await mkdir(objects, { recursive: true });
  await rm(record, { force: true });
  await inParallel(system.cores, stale, (source) => compileOne(system, compiler, flags, objects, source));
  await mkdir(path.dirname(output), { recursive: true });
  const fresh = `${output}.${process.pid}.tmp`;
  const all = sources.map((source) => objectOf(objects, source));
  const linked = await system.run(compiler.command, [...all, '-o', fresh, ...link]);
  if (linked.code !== 0) {
    throw new SetupError('The addon could not be linked.', "See the linker's output above.", linked.stderr);
  }
  // The rename leaves the old file intact for a running process that has it mapped.
  await rename(fresh, output);
  const info = { target, mlx: mlx.version, source: mlx.source, openblas: openblas !== undefined };
  await writeFile(path.join(path.dirname(output), 'build.json'), JSON.stringify(info, null, 2) + '\n');
  await writeFile(record, stamp);
  return { output, built: true };
}

/** Sources of `cpu/` that the LSTM of voice activity detection needs on every platform. They are portable. */
const LSTM_SOURCES = ['kernels', 'kernels_baseline', 'linear_loops', 'lstm', 'panels', 'pool'].map(
  (name) => `${name}.cc`,
);

/**
 * The addon's C++ sources. Those in `cpu/` speed up MLX's CPU device; they need OpenBLAS and therefore Linux,
 * except for the LSTM.
 */
export async function sourcesFor(root, openblas) {
  const sourcesIn = async (folder, isWanted) => {
    const names = (await readdir(path.join(root, folder))).sort();
    return names
      .filter((name) => name.endsWith('.cc') && isWanted(name))
      .map((name) => path.join(root, folder, name));
  };
  const files = await Promise.all([
    sourcesIn('native/src', () => true),
    sourcesIn('native/src/cpu', (name) => Boolean(openblas) || LSTM_SOURCES.includes(name)),
  ]);
  return files.flat();
}

/** `src-fast.o`, `cpu-linear.o`: sources with the same name in two directories get separate objects. */
const objectOf = (objects, source) =>
  path.join(objects, `${path.basename(path.dirname(source))}-${path.basename(source, '.cc')}.o`);

function isFresh(objects, source, mtimes) {
  const object = objectOf(objects, source);
  const list = object.replace(/\.o$/, '.d');
  if (!existsSync(object) || !existsSync(list)) return false;
  const builtMs = statSync(object).mtimeMs;
  return dependencies(readFileSync(list, 'utf8')).every((file) => {
    if (!mtimes.has(file)) mtimes.set(file, existsSync(file) ? statSync(file).mtimeMs : Infinity);
    return mtimes.get(file) <= builtMs;
  });
}

/** Files named in a make rule, as `-MMD` writes it. */
export function dependencies(rule) {
  const names = rule.slice(rule.indexOf(':') + 1).replaceAll('\\\n', ' ');
  return (names.match(/(?:\\ |\S)+/g) ?? []).map((name) => name.replaceAll('\\ ', ' '));
}

async function compileOne(system, compiler, flags, objects, source) {
  const object = objectOf(objects, source);
  const args = [...flags, '-MMD', '-MF', object.replace(/\.o$/, '.d'), '-c', source, '-o', object];
  const result = await system.run(compiler.command, args);
  if (result.code !== 0) {
    await rm(object, { force: true });
    throw new SetupError(
      `${path.relative(process.cwd(), source)} did not compile.`,
      "See the compiler's output above.",
      result.stderr.slice(0, 20_000),
    );
  }
}

async function inParallel(width, items, work) {
  const queue = [...items];
  const failures = [];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined && failures.length === 0; item = queue.shift()) {
      await work(item).catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
