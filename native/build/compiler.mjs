// Finds the C++ compiler and its flags. No node-gyp: the Node-API headers come from a package, so nothing is
// downloaded, and the addon links nothing of Node.
import path from 'node:path';
import { SetupError } from './system.mjs';

const MIN_COMPILER_VERSION = { gcc: 12, clang: 15 };

/**
 * @returns `{ command, kind, version }` of the C++20 compiler: CXX, or clang++ on macOS, or g++ then clang++
 * on Linux
 */
export async function findCompiler(system) {
  const names = system.env.CXX
    ? [system.env.CXX]
    : system.platform === 'darwin'
      ? ['clang++']
      : ['g++', 'clang++'];
  let tooOld;
  for (const command of names) {
    const result = await system.run(command, ['--version']);
    if (result.code !== 0) continue;
    const found = parseCompiler(result.stdout);
    if (found.version >= MIN_COMPILER_VERSION[found.kind]) return { command, ...found };
    tooOld = { command, ...found };
  }
  const nextStep =
    system.platform === 'darwin'
      ? 'Install the Xcode command line tools: `xcode-select --install`.'
      : 'Install g++ 12 or newer (Debian, Ubuntu: `apt install g++`), or set CXX to another compiler.';
  if (tooOld) {
    throw new SetupError(
      `${tooOld.command} is ${tooOld.kind} ${tooOld.version}, and MLX's headers need ${tooOld.kind} ${MIN_COMPILER_VERSION[tooOld.kind]} or newer.`,
      nextStep,
    );
  }
  throw new SetupError(`No C++ compiler was found (tried ${names.join(' and ')}).`, nextStep);
}

/**
 * Kind and major version from the output of `--version`. Apple's version numbers are ahead of LLVM's, which
 * is harmless here.
 */
export function parseCompiler(text) {
  const clang = /clang version (\d+)/.exec(text);
  if (clang) return { kind: 'clang', version: Number(clang[1]) };
  const gcc = /\)\s+(\d+)\.\d+/.exec(text) ?? /(\d+)\.\d+\.\d+/.exec(text);
  return { kind: 'gcc', version: gcc ? Number(gcc[1]) : 0 };
}

/** Flags to compile one file. */
export function compileFlags(root, mlx, target, openblas) {
  const flags = [
    '-std=c++20',
    '-O2',
    '-fPIC',
    '-fvisibility=hidden',
    '-Wall',
    '-Wextra',
    '-Wno-unused-parameter',
  ];
  flags.push('-DNAPI_VERSION=8', '-DNODE_ADDON_API_CPP_EXCEPTIONS', '-DNODE_ADDON_API_DISABLE_DEPRECATED');
  flags.push(`-DSOTTO_MLX_BUILT_AGAINST="${mlx.version}"`);
  if (target.startsWith('darwin')) flags.push('-mmacosx-version-min=14.0');
  // No function passes vectors wider than the baseline's registers between files, so their calling convention
  // is irrelevant.
  if (openblas) flags.push('-DSOTTO_CPU_KERNELS', '-Wno-psabi');
  for (const folder of [
    mlx.include,
    ...(target.startsWith('darwin') ? [path.join(mlx.include, 'metal_cpp')] : []),
    path.join(root, 'node_modules/node-addon-api'),
    path.join(root, 'node_modules/node-api-headers/include'),
  ]) {
    flags.push('-isystem', folder);
  }
  return flags;
}

/** Extra compile and link flags of a `SOTTO_SANITIZE=1` build: the first bad access ends the process. */
export const SANITIZE = [
  '-g1',
  '-fno-omit-frame-pointer',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
];

/** Flags to link the addon at `output` in the clone: libraries in the clone are found relative to it. */
export function linkFlags(target, output, mlx, openblas) {
  const origin = target.startsWith('darwin') ? '@loader_path' : '$ORIGIN';
  const rpath = (lib) => (mlx.isExternal ? lib : `${origin}/${path.relative(path.dirname(output), lib)}`);
  if (target.startsWith('darwin')) {
    return ['-bundle', '-undefined', 'dynamic_lookup', '-mmacosx-version-min=14.0'].concat(
      `-L${mlx.lib}`,
      '-lmlx',
      `-Wl,-rpath,${rpath(mlx.lib)}`,
    );
  }
  const flags = ['-shared', `-L${mlx.lib}`, '-lmlx', `-Wl,-rpath,${rpath(mlx.lib)}`];
  // The wheel's libmlx finds its BLAS by rpath; the linker does not need it.
  flags.push('-Wl,--allow-shlib-undefined');
  if (openblas) {
    flags.push(
      `-L${openblas.lib}`,
      '-Wl,--no-as-needed',
      '-lscipy_openblas',
      `-Wl,-rpath,${rpath(openblas.lib)}`,
    );
  }
  return flags;
}
