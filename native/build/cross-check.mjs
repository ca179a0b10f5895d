// Builds the addon and sotto-mic (cross-mic.mjs) for macOS on Linux. Compiles native/src for aarch64-macos.14
// with the compiler in the Python package `ziglang`, links it with the wheel's libmlx.dylib, and checks every
// undefined symbol: libmlx.dylib must export MLX's, and the others must be Node-API's or the system
// libraries'. The release ships the result. Also compiles the CPU kernels for Linux on ARM, which builds only
// their portable part; macOS uses only the LSTM.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { compileFlags, linkFlags } from './compiler.mjs';
import { sourcesFor } from './compile.mjs';
import { crossMic } from './cross-mic.mjs';
import { exportedSymbols, symbolsFrom, undefinedSymbols } from './macho.mjs';
import { headerVersion, pins } from './mlx.mjs';
import { SetupError, thisSystem } from './system.mjs';
import { fetchWheel } from './wheel.mjs';

const ZIG = 'ziglang==0.15.1';
const TARGET = 'darwin-arm64';
const MACOS = 'aarch64-macos.14.0';
const CXX_RUNTIME = '/usr/lib/libc++.1.dylib';
/** Metal's C++ headers call objects through it; libmlx.dylib loads it. */
const OBJC_RUNTIME = '/usr/lib/libobjc.A.dylib';
/** Part of the C++ runtime since the first Apple silicon Macs, according to LLVM's list of its exports. */
const EXTRA_CXX_SYMBOLS = [
  '__ZdlPvm',
  '__ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE21__grow_by_and_replaceEmmmmmmPKc',
  '__ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE7reserveEm',
  '__ZTISt11logic_error',
  '__ZNSt3__117bad_function_callD1Ev',
  '__ZTINSt3__117bad_function_callE',
  '__ZTVNSt3__117bad_function_callE',
  '__ZNSt3__16thread6detachEv',
  '__ZNSt3__19to_stringEj',
  '__ZNSt3__19to_stringEx',
  '__ZNSt3__19to_stringEy',
];
const LINUX_ARM = 'aarch64-linux-gnu.2.35'; // the oldest glibc that supports MLX's wheel
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** The oldest macOS with a wheel of MLX. A wheel for a newer macOS runs on that version and later. */
const MIN_MACOS = '14.0';

/**
 * @param macos version of the MLX wheel to link with, as in pins.json
 * @returns `{ output, mlx, pin, symbols }`: the addon's file, the linked MLX, and the number of symbols it
 * needs
 * @throws SetupError
 */
export async function crossCheck(system, macos = MIN_MACOS) {
  const vendor = path.join(root, 'native/vendor');
  const python = await zigPython(system, path.join(vendor, 'zig'));
  const pinFor = (oldest) =>
    pins.wheels.find((wheel) => wheel.part === 'mlx' && wheel.target === TARGET && wheel.macos === oldest);
  const pin = pinFor(macos);
  const mlxDirOf = async (wheel) => path.join(await fetchWheel(system, vendor, wheel), 'mlx');
  // All wheels of a version have the same headers, so one set of object files serves all.
  const headers = await mlxDirOf(pinFor(MIN_MACOS));
  const dir = await mlxDirOf(pin);
  const version = headerVersion(await readFile(path.join(dir, 'include/mlx/version.h'), 'utf8'));
  const mlx = {
    include: path.join(headers, 'include'),
    lib: path.join(dir, 'lib'),
    version,
    isExternal: false,
  };

  const folder = path.join(root, 'native/obj', `${TARGET}-cross`);
  const name = macos === MIN_MACOS ? TARGET : `${TARGET}-macos${Number.parseInt(macos, 10)}`;
  const output = path.join(root, 'native/lib', `${name}-cross`, 'sotto-mlx.node');
  await mkdir(folder, { recursive: true });
  await mkdir(path.dirname(output), { recursive: true });
  const zig = ['-m', 'ziglang', 'c++', '-target'];
  const flags = compileFlags(root, mlx, TARGET)
    .filter((flag) => !flag.startsWith('-mmacosx'))
    .concat('-isystem', path.join(root, 'native/macos'));
  const sources = await sourcesFor(root, undefined);
  const compile = async (target, folder, flags, source) => {
    const object = path.join(folder, `${path.basename(source, '.cc')}.o`);
    if (await unchanged(object, source, flags)) return object;
    await runOrThrow(
      system,
      python,
      [...zig, target, ...flags, '-c', source, '-o', object],
      `${path.basename(source)} does not compile for ${target}`,
    );
    await writeFile(`${object}.hash`, await inputHash(source, flags));
    return object;
  };
  system.log(`cross-compiling ${sources.length} C++ files for macOS`);
  const objects = await mapParallel(system.cores, sources, (source) => compile(MACOS, folder, flags, source));

  const armFolder = path.join(root, 'native/obj/linux-arm64-cross');
  await mkdir(armFolder, { recursive: true });
  // The wheels of all platforms have the same headers.
  const armFlags = compileFlags(root, mlx, 'linux-arm64', {});
  const kernels = (await sourcesFor(root, {})).filter(
    (source) => path.basename(path.dirname(source)) === 'cpu',
  );
  system.log(`cross-compiling ${kernels.length} CPU kernels for Linux on ARM`);
  await mapParallel(system.cores, kernels, (source) => compile(LINUX_ARM, armFolder, armFlags, source));

  // zig crashes on -bundle. A shared library needs the same symbols, and Node loads either.
  const link = linkFlags(TARGET, output, mlx, undefined)
    .filter((flag) => !flag.startsWith('-mmacosx'))
    .map((flag) => (flag === '-bundle' ? '-shared' : flag));
  const runtime = await systemRuntime(mlx.lib, folder);
  // `cc`, since `c++` would link zig's own C++ runtime into the addon.
  await runOrThrow(
    system,
    python,
    ['-m', 'ziglang', 'cc', '-target', MACOS, ...objects, '-o', output, ...link, ...runtime.link].concat(
      // Omit the paths of the addon and its object files: it is installed elsewhere.
      [`-Wl,-install_name,@rpath/${path.basename(output)}`, '-Wl,-S'],
    ),
    'the addon does not link for macOS',
  );

  const libSystem = await systemNames(system, python);
  const libmlx = await readFile(path.join(mlx.lib, 'libmlx.dylib'));
  const missing = missingSymbols(
    undefinedSymbols(await readFile(output)),
    exportedSymbols(libmlx),
    nodeApiNames(),
    new Set([...libSystem, ...runtime.names, ...symbolsFrom(libmlx, OBJC_RUNTIME)]),
  );
  if (missing.length > 0) {
    throw new SetupError(
      `${missing.length} symbol${missing.length > 1 ? 's' : ''} needed by the addon would be missing on macOS.`,
      'Use only exports of libmlx.dylib and Node-API 8.',
      missing.join('\n'),
    );
  }
  const built = await readFile(output);
  // The addon catches MLX's exceptions only if both use the same C++ runtime.
  if (symbolsFrom(built, CXX_RUNTIME).length === 0) {
    throw new SetupError(
      "The addon does not use the system's C++ runtime, so it would not catch MLX's errors.",
      'Check its link flags.',
    );
  }
  system.log('cross-compiling sotto-mic for macOS');
  const zigC = [python, '-m', 'ziglang', 'cc', '-target', MACOS];
  const cross = await crossMic(system, root, { target: TARGET, zig: zigC, systemNames: libSystem });
  const mic = path.join(path.dirname(output), path.basename(cross));
  if (mic !== cross) await copyFile(cross, mic);
  return { output, mic, mlx, pin, symbols: undefinedSymbols(built).length };
}

/**
 * A linker stub of macOS's C++ runtime, like Xcode's. Every macOS that runs MLX exports what libmlx.dylib
 * imports, and the few extra names that the addon needs.
 */
async function systemRuntime(mlxLib, folder) {
  const names = [
    ...symbolsFrom(await readFile(path.join(mlxLib, 'libmlx.dylib')), CXX_RUNTIME),
    ...EXTRA_CXX_SYMBOLS,
  ];
  const stub = `--- !tapi-tbd
tbd-version: 4
targets: [ arm64-macos ]
install-name: '${CXX_RUNTIME}'
exports:
  - targets: [ arm64-macos ]
    symbols: [ ${names.map((name) => `'${name}'`).join(', ')} ]
...
`;
  await writeFile(path.join(folder, 'libsystem-cxx.tbd'), stub);
  return { names, link: [`-L${folder}`, '-lsystem-cxx'] };
}

/**
 * Undefined symbols without a provider. MLX's library must export its symbols, the given version of Node-API
 * must have its functions, and the rest must be the system's.
 */
export function missingSymbols(needed, mlxExports, nodeApi, systemExports) {
  return needed.filter((name) => {
    if (/^_(napi|node_api)_/.test(name)) return !nodeApi.has(name.slice(1));
    return !mlxExports.has(name) && !systemExports.has(name) && name !== 'dyld_stub_binder';
  });
}

/** The functions of Node-API 8, available since Node 20. */
function nodeApiNames() {
  const { symbols } = createRequire(import.meta.url)('node-api-headers');
  return new Set([...symbols.v8.js_native_api_symbols, ...symbols.v8.node_api_symbols]);
}

/** Exports of macOS's libSystem, from zig's text stub. */
async function systemNames(system, python) {
  const where = await system.run(python, [
    '-c',
    'import ziglang, os; print(os.path.dirname(ziglang.__file__))',
  ]);
  const stub = await readFile(path.join(where.stdout.trim(), 'lib/libc/darwin/libSystem.tbd'), 'utf8');
  return new Set(stub.match(/_[\w$]+/g));
}

async function zigPython(system, venv) {
  const python = path.join(venv, 'bin/python3');
  const isInstalled = async () => (await system.run(python, ['-m', 'ziglang', 'version'])).code === 0;
  if (existsSync(python) && (await isInstalled())) return python;
  system.log(`fetching ${ZIG}`);
  await runOrThrow(system, 'python3', ['-m', 'venv', venv], 'python3 could not make a virtual environment');
  await runOrThrow(
    system,
    python,
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ZIG],
    `pip could not install ${ZIG}`,
  );
  return python;
}

async function runOrThrow(system, command, args, problem) {
  const result = await system.run(command, args);
  if (result.code !== 0) throw new SetupError(`${problem}.`, 'See above.', result.stderr.slice(0, 20_000));
}

async function inputHash(source, flags) {
  const hash = createHash('sha256').update(JSON.stringify(flags));
  const folder = path.dirname(source);
  for (const name of (await readdir(folder)).filter((file) => /\.(h|inc)$/.test(file)).sort()) {
    hash.update(await readFile(path.join(folder, name)));
  }
  return hash.update(await readFile(source)).digest('hex');
}

async function unchanged(object, source, flags) {
  if (!existsSync(object) || !existsSync(`${object}.hash`)) return false;
  return (await readFile(`${object}.hash`, 'utf8')) === (await inputHash(source, flags));
}

async function mapParallel(width, items, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { output, symbols } = await crossCheck(thisSystem());
    console.log(
      `cross-check: ${path.relative(process.cwd(), output)} links for macOS arm64, and all ${symbols} undefined symbols resolve; so does sotto-mic; the CPU kernels compile for Linux arm64`,
    );
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    if (error.details) console.error(error.details.trimEnd());
    console.error(`cross-check failed: ${error.message}\n  → ${error.nextStep}`);
    process.exitCode = 1;
  }
}
