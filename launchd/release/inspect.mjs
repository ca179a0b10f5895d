// Checks the unpacked folder of a release before it is published.
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { isElf, loading as elfLoading } from '../../native/build/elf.mjs';
import { exportedSymbols, isMachO, loading as machoLoading } from '../../native/build/macho.mjs';
import { compareVersions } from '../../native/build/system.mjs';

const OLDEST_MACOS = '14.0';
/** Files that every release must have. */
const REQUIRED = [
  'package.json',
  'LICENSE',
  'NOTICES.md',
  'THIRD-PARTY.md',
  'README.md',
  'STATUS.md',
  'USAGE.md',
  'bin/node',
  'daemon/bin/sotto.mjs',
  'daemon/src/writers/report/player.js',
  'daemon/src/writers/report/style.css',
  'dist/daemon/src/cli/main.js',
  'dist/daemon/src/engine/main.js',
  'dist/launchd/index.js',
  'assets/models/manifest.json',
  'assets/vad/silero-vad.safetensors',
  'assets/vocab/multilingual.tiktoken',
  'assets/speech/jfk.flac',
  'extension/package.json',
  'extension/src/dictate.tsx',
  'extension/assets/icon.png',
];
const LIBRARIES = {
  'darwin-arm64': ['libmlx.dylib', 'libjaccl.dylib', 'mlx.metallib'],
  'linux-x64': ['libmlx.so', 'libscipy_openblas.so'],
};
/** A limit, so that a release does not grow by accident. */
const MAX_BYTES = { 'darwin-arm64': 540e6, 'linux-x64': 440e6 };
/** Libraries of the system, which every target machine has. */
const SYSTEM_LIBRARIES = {
  darwin: (library) => library.startsWith('/usr/lib/') || library.startsWith('/System/Library/'),
  linux: (library) => /^(lib(stdc\+\+|m|gcc_s|c|pthread|dl|rt)\.so|ld-linux)/.test(library),
};
/** Library names that do not depend on the location of the folder. */
const RELOCATABLE = { darwin: /^@(rpath|loader_path)\//, linux: /^[^/]+$/ };
const FORBIDDEN = [
  [/\.map$|\.tsbuildinfo$/, 'is a development file'],
  [/(^|\/)(\.env|\.npmrc|\.git)(\/|$)/, 'may hold private data'],
  [/^(dist\/)?test\/|\.test\.js$/, 'is a test'],
];

/**
 * @param target `<platform>-<arch>`
 * @param buildRoot the clone's folder, whose name must not occur in the release
 * @param macos oldest macOS that must run it
 * @returns `{ problems, bytes, files, binaries }`: problems as text, empty if there are none
 */
export function inspect(folder, target, buildRoot, macos = OLDEST_MACOS) {
  const problems = [];
  const [platform] = target.split('-');
  const files = filesIn(folder);
  const known = new Set(files);
  for (const file of REQUIRED) if (!known.has(file)) problems.push(`${file} is missing`);
  const addon = `native/lib/${target}/sotto-mlx.node`;
  const mic = `native/lib/${target}/sotto-mic`;
  for (const file of [addon, mic]) if (!known.has(file)) problems.push(`${file} is missing`);
  for (const library of LIBRARIES[target] ?? []) {
    if (!files.some((file) => path.basename(file) === library)) problems.push(`${library} is missing`);
  }
  let bytes = 0;
  const binaries = [];
  for (const file of files) {
    const whole = path.join(folder, file);
    const stats = lstatSync(whole);
    bytes += stats.size;
    if (!stats.isFile()) problems.push(`${file} is a link, which npm would leave out`);
    for (const [pattern, why] of FORBIDDEN) if (pattern.test(file)) problems.push(`${file} ${why}`);
    const isProgram = file === 'bin/node' || file === mic;
    if (isProgram && (stats.mode & 0o111) === 0) problems.push(`${file} can't be executed`);
    if (isProgram || /\.(node|dylib)$|\.so(\.\d+)*$/.test(path.basename(file))) {
      binaries.push(file);
      problems.push(...binaryProblems(folder, file, platform, macos).map((problem) => `${file} ${problem}`));
    }
    if (stats.isFile() && stats.size < 64e6 && isOwnFile(file) && mentions(readFileSync(whole), buildRoot))
      problems.push(`${file} contains the path of the build folder`);
  }
  if (bytes > (MAX_BYTES[target] ?? Infinity))
    problems.push(`the release takes ${bytes} bytes, which exceeds the limit`);
  problems.push(...packageProblems(folder, target));
  return { problems, bytes, files: files.length, binaries };
}

/** Whether a file contains the build folder, except in MLX's error messages, which name its headers. */
function mentions(content, buildRoot) {
  const headers = `${buildRoot}/native/vendor/`;
  for (let at = content.indexOf(buildRoot); at >= 0; at = content.indexOf(buildRoot, at + 1))
    if (content.indexOf(headers, at) !== at) return true;
  return false;
}

const isOwnFile = (file) => !file.startsWith('node_modules/') && !file.startsWith('assets/');

/** A binary must be for this system, find its libraries independent of the folder, and run on the oldest supported system. */
function binaryProblems(folder, file, platform, macos) {
  const content = readFileSync(path.join(folder, file));
  if (platform === 'linux') {
    if (!isElf(content)) return ['is not a Linux library'];
    return missingLibraries(folder, file, elfLoading(content), platform, '$ORIGIN');
  }
  if (!isMachO(content)) return ['is not a library for Apple silicon'];
  const binary = machoLoading(content);
  const problems = missingLibraries(folder, file, binary, platform, '@loader_path');
  if (binary.name !== undefined && !binary.name.startsWith('@'))
    problems.push(`has the absolute install name ${binary.name}`);
  if (!binary.signed) problems.push('has no signature: macOS would kill the process that loads it');
  if (path.basename(file) === 'sotto-mlx.node') {
    if (!exportedSymbols(content).has('_napi_register_module_v1')) problems.push('is not a Node addon');
    if (!binary.sections.includes('__unwind_info'))
      problems.push('has no unwind information: any MLX error would end the process');
  }
  if (path.basename(file) === 'sotto-mic' && binary.hardened)
    problems.push('has the hardened runtime: macOS would deny it the microphone');
  if (binary.macos !== undefined && compareVersions(binary.macos, macos) > 0)
    problems.push(`needs macOS ${binary.macos}`);
  return problems;
}

function missingLibraries(folder, file, { libraries, rpaths }, platform, origin) {
  const home = path.dirname(path.join(folder, file));
  const places = rpaths.map((rpath) => path.join(home, rpath.replace(origin, '.')));
  const fixedRpaths = rpaths.filter((rpath) => !rpath.startsWith(origin));
  const outside = places.filter((place) => path.relative(folder, place).startsWith('..'));
  const missing = libraries
    .filter((library) => !SYSTEM_LIBRARIES[platform](library))
    .filter(
      (library) =>
        !RELOCATABLE[platform].test(library) ||
        ![home, ...places].some((place) => existsSync(path.join(place, path.basename(library)))),
    );
  return [
    ...fixedRpaths.map((rpath) => `searches for libraries in ${rpath}, which is not relative to it`),
    ...outside.map((place) => `searches for libraries outside the release, in ${place}`),
    ...missing.map((library) => `needs ${library}, which is not in the release`),
  ];
}

/** npm installs it without a download only if it includes every package that it names. */
function packageProblems(folder, target) {
  const {
    os,
    cpu,
    dependencies = {},
    bundleDependencies = [],
    private: kept,
  } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const problems = [];
  if (`${os?.[0]}-${cpu?.[0]}` !== target) problems.push(`package.json is not for ${target}`);
  if (kept === true) problems.push('package.json is private, so npm would not install it by name');
  for (const name of Object.keys(dependencies)) {
    if (!bundleDependencies.includes(name)) problems.push(`package.json does not bundle ${name}`);
    if (!existsSync(path.join(folder, 'node_modules', name, 'package.json')))
      problems.push(`${name} is not included`);
  }
  const notices = readFileSync(path.join(folder, 'THIRD-PARTY.md'), 'utf8');
  for (const name of packagesIn(path.join(folder, 'node_modules')))
    if (!notices.includes(`## ${name} `)) problems.push(`THIRD-PARTY.md does not name ${name}`);
  return problems;
}

function packagesIn(modules) {
  if (!existsSync(modules)) return [];
  return readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  );
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => {
      const stats = lstatSync(path.join(folder, name));
      return stats.isSymbolicLink() || !statSync(path.join(folder, name)).isDirectory();
    })
    .sort();
}
