// Compares two builds of the macOS addon: both must export and need the same.
//   node .ci/compare-addons.mjs BUILT-HERE CROSS-BUILT
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { exportedSymbols, loading } from '../native/build/macho.mjs';
import { compareVersions } from '../native/build/system.mjs';

const REGISTER = '_napi_register_module_v1';
const [native, cross] = process.argv.slice(2).map((file) => ({ file, bytes: readFileSync(file) }));
if (native === undefined || cross === undefined) {
  console.error('usage: node .ci/compare-addons.mjs BUILT-HERE CROSS-BUILT');
  process.exit(2);
}

const problems = [];
const needs = [native, cross].map(({ file, bytes }) => {
  const { libraries, macos, signed, sections } = loading(bytes);
  if (!exportedSymbols(bytes).has(REGISTER)) problems.push(`${file} does not export ${REGISTER}`);
  if (!signed) problems.push(`${file} has no signature`);
  if (!sections.includes('__unwind_info')) problems.push(`${file} has no unwind information`);
  if (macos !== undefined && compareVersions(macos, '14.0') > 0)
    problems.push(`${file} needs macOS ${macos}`);
  console.log(`${file}: macOS ${macos}, ${libraries.join(' ')}`);
  return libraries.map((library) => library.split('/').at(-1)).sort();
});
for (const library of needs[1].filter((name) => !needs[0].includes(name)))
  problems.push(`only ${cross.file} needs ${library}`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
