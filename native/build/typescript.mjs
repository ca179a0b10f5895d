// Runs `tsc` if a TypeScript file changed, and deletes outputs without a source, so that no deleted test
// keeps running.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { SetupError } from './system.mjs';

const ROOMS = ['native', 'daemon', 'launchd', 'assets', 'test'];
const SKIPPED = new Set(['node_modules', 'vendor', 'lib', 'obj', '.venv', 'dist']);

export async function compileTypeScript(system, root) {
  const sources = ROOMS.flatMap((room) => typeScriptIn(path.join(root, room)));
  const settings = ['tsconfig.json', 'package.json', 'node_modules/.sotto-lock'].map((f) =>
    path.join(root, f),
  );
  const hash = createHash('sha256');
  for (const file of [...settings, ...sources]) {
    const stat = existsSync(file) ? statSync(file) : { size: 0, mtimeMs: 0 };
    hash.update(`${path.relative(root, file)}\0${stat.size}\0${stat.mtimeMs}\n`);
  }
  const digest = hash.digest('hex');
  const stamp = path.join(root, 'dist/.sources');
  const emitted = outputsOf(root, sources);
  const complete = emitted.every((file) => existsSync(file));
  if (complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return false;

  const orphans = outputsWithoutSource(root, new Set(emitted));
  for (const file of orphans) rmSync(file);
  // tsc trusts its own record of its outputs, even if the files are missing.
  if (orphans.length > 0 || !complete) rmSync(path.join(root, 'dist/.tsbuildinfo'), { force: true });
  system.log(`compiling ${sources.length} TypeScript files`);
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const result = await system.run(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.json')], {
    cwd: root,
  });
  if (result.code !== 0) {
    rmSync(stamp, { force: true });
    throw new SetupError(
      'TypeScript found errors (it still emitted what it could).',
      'See above.',
      result.stdout,
    );
  }
  writeFileSync(stamp, digest);
  return true;
}

function typeScriptIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : typeScriptIn(file);
    return entry.name.endsWith('.ts') ? [file] : [];
  });
}

const outputsOf = (root, sources) =>
  sources
    .filter((file) => !file.endsWith('.d.ts'))
    .map((file) => path.join(root, 'dist', path.relative(root, file).replace(/\.ts$/, '.js')));

function outputsWithoutSource(root, emitted) {
  const stem = (file) => file.replace(/(\.d\.ts|\.js\.map|\.js)$/, '.js');
  return outputsIn(path.join(root, 'dist')).filter((file) => !emitted.has(stem(file)));
}

function outputsIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return outputsIn(file);
    return /(\.d\.ts|\.js\.map|\.js)$/.test(entry.name) ? [file] : [];
  });
}
