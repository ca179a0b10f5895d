/** The setup steps and their errors: one sentence and a next step. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  load,
  fakeSystem,
  type MiniaudioPin,
  type Pin,
  type CommandResult,
  type System,
} from './build-modules.js';

const root = path.resolve(import.meta.dirname, '../../..');
const scratch = mkdtempSync(path.join(tmpdir(), 'sotto-build-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let folders = 0;
const fresh = (): string => {
  const folder = path.join(scratch, String(folders++));
  mkdirSync(folder, { recursive: true });
  return folder;
};

async function failure(work: () => unknown): Promise<{ message: string; nextStep: string }> {
  try {
    await work();
  } catch (error) {
    const { message, nextStep, name } = error as Error & { nextStep: string };
    expect(name).toBe('SetupError');
    expect(message.split('\n')).toHaveLength(1);
    expect(nextStep.length).toBeGreaterThan(5);
    return { message, nextStep };
  }
  throw new Error('nothing was thrown');
}

test('a macOS build contains the LSTM of voice activity detection and no other CPU kernel', async () => {
  const { sourcesFor } = await load('compile.mjs');
  const kernels = async (openblas?: object): Promise<string[]> =>
    (await sourcesFor(root, openblas))
      .filter((file) => path.basename(path.dirname(file)) === 'cpu')
      .map((file) => path.basename(file));
  const mac = await kernels();
  expect(mac).toEqual(expect.arrayContaining(['kernels_baseline.cc', 'lstm.cc']));
  expect(mac).not.toContain('attention.cc');
  expect(await kernels({})).toEqual(expect.arrayContaining([...mac, 'attention.cc', 'decoder_block.cc']));
});

describe('the platform', () => {
  test.each([
    ['darwin', 'arm64', 'darwin-arm64'],
    ['linux', 'x64', 'linux-x64'],
    ['linux', 'arm64', 'linux-arm64'],
  ])('%s %s is supported', async (platform, arch, target) => {
    const { targetOf } = await load('system.mjs');
    expect(targetOf(fakeSystem({ platform, arch }))).toBe(target);
  });

  test('rejects Windows', async () => {
    const { targetOf } = await load('system.mjs');
    const { message, nextStep } = await failure(() => targetOf(fakeSystem({ platform: 'win32' })));
    expect(message).toBe("Sotto's native addon does not support win32-x64.");
    expect(nextStep).toMatch(/darwin-arm64, linux-x64, linux-arm64/);
  });

  test('explains an Intel build of Node on a Mac', async () => {
    const { targetOf } = await load('system.mjs');
    expect((await failure(() => targetOf(fakeSystem({ platform: 'darwin' })))).nextStep).toMatch(
      /arm64 build of Node/,
    );
  });

  test('picks the newest wheel that macOS can run, and explains a macOS that is too old', async () => {
    const { wheelFor } = await load('mlx.mjs');
    const mac = (version: string): System =>
      fakeSystem({ platform: 'darwin', arch: 'arm64', macosVersion: () => version });
    const chosen = ['14.0', '14.7.2', '15.1', '26.0', '26.1.1', '26.2', '26.10', '27.0'].map(
      (version) => wheelFor(mac(version), 'darwin-arm64', 'mlx').macos,
    );
    // MLX's wheel for "macOS 26" is built for 26.2: an older system can't load it.
    expect(chosen).toEqual(['14.0', '14.0', '15.0', '15.0', '15.0', '26.2', '26.2', '26.2']);
    expect((await failure(() => wheelFor(mac('13.6'), 'darwin-arm64', 'mlx'))).message).toMatch(
      /macOS 14 or newer; this is macOS 13\.6/,
    );
  });

  test('explains an old glibc and other C libraries', async () => {
    const { wheelFor } = await load('mlx.mjs');
    const old = await failure(() => wheelFor(fakeSystem({ glibc: () => '2.31' }), 'linux-x64', 'mlx'));
    expect(old.message).toMatch(/glibc 2.35 or newer; this system has 2.31/);
    const musl = await failure(() => wheelFor(fakeSystem({ glibc: () => undefined }), 'linux-x64', 'mlx'));
    expect(musl.message).toMatch(/another C library/);
  });
});

describe('TypeScript', () => {
  const settings = readFileSync(path.join(root, 'tsconfig.json'), 'utf8');
  const rooms = [...(/"include": \[(.*)\]/.exec(settings)?.[1] ?? '').matchAll(/"(\w+)\//g)].map(
    ([, room = '']) => room,
  );

  test('is compiled in every directory of tsconfig.json', () => {
    expect(rooms).toEqual(expect.arrayContaining(['native', 'daemon', 'launchd', 'assets', 'test']));
  });

  test.each(rooms)('is recompiled only if a file of %s changed', async (room) => {
    const { compileTypeScript } = await load('typescript.mjs');
    const folder = fresh();
    const source = path.join(folder, room, 'a.ts');
    mkdirSync(path.dirname(source));
    const output = path.join(folder, 'dist', room, 'a.js');
    mkdirSync(path.dirname(output), { recursive: true });
    const compiler = (): Promise<CommandResult> => {
      writeFileSync(output, '');
      return Promise.resolve({ code: 0, stdout: '', stderr: '' });
    };
    const compile = (): Promise<boolean> => compileTypeScript(fakeSystem({ run: compiler }), folder);
    writeFileSync(source, 'export const a = 1;');
    expect([await compile(), await compile()]).toEqual([true, false]);
    writeFileSync(source, 'export const a = 22;');
    expect([await compile(), await compile(), existsSync(output)]).toEqual([true, false, true]);
  });
});

describe('the compiler', () => {
  test('recognizes g++ and clang++', async () => {
    const { parseCompiler } = await load('compiler.mjs');
    expect(parseCompiler('g++ (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright')).toEqual({
      kind: 'gcc',
      version: 12,
    });
    expect(parseCompiler('g++ (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0')).toEqual({ kind: 'gcc', version: 11 });
    expect(parseCompiler('Apple clang version 16.0.0 (clang-1600.0.26.6)')).toEqual({
      kind: 'clang',
      version: 16,
    });
    expect(parseCompiler('Debian clang version 19.1.7')).toEqual({ kind: 'clang', version: 19 });
  });

  test('explains a missing compiler for the platform', async () => {
    const { findCompiler } = await load('compiler.mjs');
    const linux = await failure(() => findCompiler(fakeSystem()));
    expect(linux.message).toBe('No C++ compiler was found (tried g++ and clang++).');
    expect(linux.nextStep).toMatch(/apt install g\+\+/);
    const mac = await failure(() => findCompiler(fakeSystem({ platform: 'darwin', arch: 'arm64' })));
    expect(mac.nextStep).toMatch(/xcode-select --install/);
  });

  test('names a compiler that is too old, and prefers a newer one', async () => {
    const { findCompiler } = await load('compiler.mjs');
    const old = { 'g++ --version': { stdout: 'g++ (Ubuntu) 11.4.0' } };
    expect((await failure(() => findCompiler(fakeSystem({}, old)))).message).toMatch(
      /g\+\+ is gcc 11, and .* need gcc 12 or newer/,
    );
    const both = { ...old, 'clang++ --version': { stdout: 'clang version 18.1.0' } };
    expect(await findCompiler(fakeSystem({}, both))).toEqual({
      command: 'clang++',
      kind: 'clang',
      version: 18,
    });
  });

  test('uses the compiler in CXX', async () => {
    const { findCompiler } = await load('compiler.mjs');
    const answers = {
      'my-cxx --version': { stdout: 'clang version 20.0.0' },
      'g++ --version': { stdout: 'g++ () 14.1.0' },
    };
    expect((await findCompiler(fakeSystem({ env: { CXX: 'my-cxx' } }, answers))).command).toBe('my-cxx');
  });

  test('finds libraries in the clone relative to the addon, others by absolute path', async () => {
    const { linkFlags } = await load('compiler.mjs');
    const inside = linkFlags('linux-x64', '/c/native/lib/linux-x64/a.node', {
      lib: '/c/native/vendor/m/lib',
      isExternal: false,
    });
    expect(inside).toContain('-Wl,-rpath,$ORIGIN/../../vendor/m/lib');
    const external = linkFlags('darwin-arm64', '/c/native/lib/x/a.node', {
      lib: '/opt/homebrew/opt/mlx/lib',
      isExternal: true,
    });
    expect(external).toContain('-Wl,-rpath,/opt/homebrew/opt/mlx/lib');
  });
});

describe('MLX_DIR', () => {
  const withMlx = (version: string, library = 'libmlx.so'): string => {
    const dir = fresh();
    mkdirSync(path.join(dir, 'include/mlx'), { recursive: true });
    mkdirSync(path.join(dir, 'lib'));
    const [major, minor, patch] = version.split('.');
    const text = `#define MLX_VERSION_MAJOR ${major}\n#define MLX_VERSION_MINOR ${minor}\n#define MLX_VERSION_PATCH ${patch}\n`;
    writeFileSync(path.join(dir, 'include/mlx/version.h'), text);
    writeFileSync(path.join(dir, 'lib', library), '');
    return dir;
  };
  const find = async (dir: string, target = 'linux-x64'): Promise<{ version: string; isExternal: boolean }> =>
    (await load('mlx.mjs')).findMlx(fakeSystem({ env: { MLX_DIR: dir } }), target, fresh());

  test('is used if it is new enough, without a download', async () => {
    expect(await find(withMlx('0.33.0'))).toMatchObject({ version: '0.33.0', isExternal: true });
    expect(await find(withMlx('0.32.4', 'libmlx.dylib'), 'darwin-arm64')).toMatchObject({
      version: '0.32.4',
    });
    const { findOpenBlas } = await load('mlx.mjs');
    expect(await findOpenBlas(fakeSystem({ env: { MLX_DIR: '/x' } }), 'linux-x64', fresh())).toBeUndefined();
  });

  test('explains a directory without MLX', async () => {
    const { message, nextStep } = await failure(() => find(fresh()));
    expect(message).toMatch(/contains no MLX: include\/mlx\/version\.h is missing/);
    expect(nextStep).toMatch(/brew --prefix mlx/);
    expect((await failure(() => find(withMlx('0.32.4'), 'darwin-arm64'))).message).toMatch(
      /lib\/libmlx\.dylib is missing/,
    );
  });

  test('explains an MLX that is too old', async () => {
    const { message, nextStep } = await failure(() => find(withMlx('0.31.9')));
    expect(message).toMatch(/is MLX 0\.31\.9; Sotto needs 0\.32\.4 or newer/);
    expect(nextStep).toMatch(/brew upgrade mlx/);
  });
});

describe('a wheel', () => {
  const bytes = 'the wheel';
  const pin = (sha256 = createHash('sha256').update(bytes).digest('hex')): Pin => ({
    part: 'mlx',
    target: 'linux-x64',
    requirement: 'mlx-cpu==0.0.1',
    tags: ['manylinux_2_35_x86_64'],
    sha256,
  });
  /** A pip that "downloads" the bytes and a zipfile that unpacks one file. */
  const pip = (): System =>
    fakeSystem({
      run: (_, args): Promise<CommandResult> => {
        if (args.includes('download'))
          writeFileSync(path.join(args[args.indexOf('--dest') + 1] ?? '', 'm.whl'), bytes);
        if (args.includes('zipfile')) {
          mkdirSync(args.at(-1) ?? '');
          writeFileSync(path.join(args.at(-1) ?? '', 'file'), 'content');
        }
        return Promise.resolve({ code: 0, stdout: '', stderr: '' });
      },
    });

  test('is unpacked once and leaves no other files', async () => {
    const { fetchWheel } = await load('wheel.mjs');
    const vendor = fresh();
    const dir = await fetchWheel(pip(), vendor, pin());
    expect(existsSync(path.join(dir, 'file'))).toBe(true);
    expect(await fetchWheel(fakeSystem(), vendor, pin())).toBe(dir); // the fake system has no python3, so nothing ran
    expect(readdirSync(vendor)).toEqual([path.basename(dir)]);
  });

  test('is rejected if its hash differs, and nothing is installed', async () => {
    const { fetchWheel } = await load('wheel.mjs');
    const vendor = fresh();
    const { message, nextStep } = await failure(() => fetchWheel(pip(), vendor, pin('0'.repeat(64))));
    expect(message).toMatch(/^m\.whl does not match its pinned sha256: found [0-9a-f]{64}, expected 0{64}/);
    expect(nextStep).toMatch(/Nothing was installed/);
    expect(readdirSync(vendor)).toEqual([]);
  });

  test('explains a missing python3, pip or network', async () => {
    const { fetchWheel } = await load('wheel.mjs');
    const get = (system: System) => failure(() => fetchWheel(system, fresh(), pin()));
    expect((await get(fakeSystem())).message).toMatch(/there is no python3/);
    const noPip = await get(fakeSystem({}, { 'python3 -m pip': { code: 1, stderr: 'No module named pip' } }));
    expect(noPip.message).toMatch(/this python3 has no pip/);
    expect(noPip.nextStep).toMatch(/apt install python3-pip.*MLX_DIR/);
    const offline = await get(
      fakeSystem({}, { 'python3 -m pip --version': {}, 'python3 -m pip download': { code: 1 } }),
    );
    expect(offline.message).toMatch(/pip could not fetch mlx-cpu==0\.0\.1/);
    expect(offline.nextStep).toMatch(/network/);
  });

  test('every pin is complete', async () => {
    const { pins } = await load('mlx.mjs');
    for (const wheel of pins.wheels) {
      expect(wheel.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(wheel.requirement).toMatch(/^[\w-]+==[\d.]+$/);
      if (wheel.part === 'mlx') expect(wheel.requirement.endsWith(`==${pins.mlx}`)).toBe(true);
    }
  });
});

describe('miniaudio', () => {
  const header = '/* miniaudio */';
  const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const archive = ((): Buffer => {
    const folder = fresh();
    mkdirSync(path.join(folder, 'package/deep'), { recursive: true });
    writeFileSync(path.join(folder, 'package/deep/miniaudio.h'), header);
    execFileSync('tar', ['-czf', 'it.tgz', 'package'], { cwd: folder });
    return readFileSync(path.join(folder, 'it.tgz'));
  })();
  const pin = (changes: Partial<MiniaudioPin> = {}): MiniaudioPin => ({
    version: '1.2.3',
    requirement: 'carrier@4.5.6',
    sha256: sha256(archive),
    header: 'package/deep/miniaudio.h',
    headerSha256: sha256(header),
    ...changes,
  });
  /** An npm that "downloads" the archive, and the real tar. */
  const npm = (): System =>
    fakeSystem({
      run: (command, args): Promise<CommandResult> => {
        if (command === 'npm')
          writeFileSync(path.join(args[args.indexOf('--pack-destination') + 1] ?? '', 'it.tgz'), archive);
        else execFileSync(command, args);
        return Promise.resolve({ code: 0, stdout: '', stderr: '' });
      },
    });

  test('is fetched once and leaves no other files', async () => {
    const { miniaudioHeader } = await load('miniaudio.mjs');
    const vendor = fresh();
    const dir = await miniaudioHeader(npm(), vendor, pin());
    expect(readdirSync(dir)).toEqual(['miniaudio.h']);
    expect(readFileSync(path.join(dir, 'miniaudio.h'), 'utf8')).toBe(header);
    expect(await miniaudioHeader(fakeSystem(), vendor, pin())).toBe(dir); // the fake system has no npm, so nothing ran
    expect(readdirSync(vendor)).toEqual([path.basename(dir)]);
  });

  test.each([
    ['package', { sha256: '0'.repeat(64) }, /^it\.tgz does not match its pinned sha256/],
    ['header', { headerSha256: '0'.repeat(64) }, /^miniaudio\.h does not match its pinned sha256/],
  ])('is rejected if the hash of the %s differs, and nothing is installed', async (_, changes, expected) => {
    const { miniaudioHeader } = await load('miniaudio.mjs');
    const vendor = fresh();
    const { message, nextStep } = await failure(() => miniaudioHeader(npm(), vendor, pin(changes)));
    expect(message).toMatch(expected);
    expect(nextStep).toMatch(/npm config list/);
    expect(readdirSync(vendor)).toEqual([]);
  });

  test('explains a missing network', async () => {
    const { miniaudioHeader } = await load('miniaudio.mjs');
    const { message, nextStep } = await failure(() => miniaudioHeader(fakeSystem(), fresh(), pin()));
    expect(message).toBe('npm could not fetch carrier@4.5.6, which contains miniaudio 1.2.3.');
    expect(nextStep).toMatch(/network/);
  });

  test('has a complete pin, which is the version in use', async () => {
    const { pins } = await load('mlx.mjs');
    const { miniaudioHeader } = await load('miniaudio.mjs');
    expect(pins.miniaudio.sha256).toMatch(/^[0-9a-f]{64}$/);
    const dir = await miniaudioHeader(fakeSystem(), path.join(root, 'native/vendor'));
    const content = readFileSync(path.join(dir, 'miniaudio.h'));
    expect(sha256(content)).toBe(pins.miniaudio.headerSha256);
    expect(content.toString('utf8')).toContain(`miniaudio - v${pins.miniaudio.version} `);
  });
});

describe('the steps', () => {
  test('packages are installed only if some are missing or have another version', async () => {
    const { notInstalled } = await load('install-packages.mjs');
    const lock = {
      packages: {
        '': { version: '1.0.0' },
        'node_modules/a': { version: '1.0.0' },
        'node_modules/b': { version: '2.0.0' },
        'node_modules/only-elsewhere': { version: '1.0.0', optional: true },
      },
    };
    const record = {
      packages: { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.9.0' } },
    };
    expect(notInstalled(lock, record)).toEqual(['node_modules/b']);
    expect(notInstalled(lock, {})).toHaveLength(2);
  });

  test('quotes the errors of npm without its manual page', async () => {
    const { npmFailure } = await load('install-packages.mjs');
    const stderr =
      'npm error code EUSAGE\nnpm error\nnpm error Missing: a@1 from lock file\n' +
      'npm error Usage\n'.repeat(90);
    const { message, nextStep, details } = npmFailure(stderr);
    expect(message).toMatch(/package\.json and package-lock\.json disagree/);
    expect(nextStep).toMatch(/npm install/);
    expect(details.split('\n')).toHaveLength(25);
    expect(npmFailure('npm error network').message).toBe('`npm ci` failed.');
  });

  test('parses the files of a make rule, even with spaces', async () => {
    const { dependencies } = await load('compile.mjs');
    expect(dependencies('a.o: src/a.cc \\\n src/my\\ header.h /usr/x.h\n')).toEqual([
      'src/a.cc',
      'src/my header.h',
      '/usr/x.h',
    ]);
  });

  test('compares versions by number', async () => {
    const { compareVersions } = await load('system.mjs');
    expect(['0.32.10', '0.9', '1.0', '0.32.4'].sort(compareVersions)).toEqual([
      '0.9',
      '0.32.4',
      '0.32.10',
      '1.0',
    ]);
  });

  test('two setups run one after the other, and a dead one does not block', async () => {
    const { withLock } = await load('lock.mjs');
    const folder = path.join(fresh(), 'lock');
    const order: string[] = [];
    const lockedBuild = (name: string) =>
      withLock(fakeSystem(), folder, async () => {
        order.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 30));
        order.push(`${name} out`);
      });
    await Promise.all([lockedBuild('a'), lockedBuild('b')]);
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out']);
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'pid'), '999999999');
    await lockedBuild('c');
    expect(order.at(-1)).toBe('c out');
    expect(existsSync(folder)).toBe(false);
  });
});

describe('the cross-check for macOS', () => {
  test('fails if no library exports a symbol', async () => {
    const { missingSymbols } = await load('cross-check.mjs');
    const needed = [
      '__ZN3mlx4core3addE',
      '__ZN3mlx4core4goneE',
      '_napi_wrap',
      '_napi_new_thing',
      '_malloc',
      '_cblas_sgemm',
    ];
    const missing = missingSymbols(
      needed,
      new Set(['__ZN3mlx4core3addE']),
      new Set(['napi_wrap']),
      new Set(['_malloc']),
    );
    expect(missing).toEqual(['__ZN3mlx4core4goneE', '_napi_new_thing', '_cblas_sgemm']);
  });

  test('reads the symbols of a Mach-O file', async () => {
    const { exportedSymbols, undefinedSymbols } = await load('macho.mjs');
    const names = '\0_here\0_there\0_local\0';
    const entry = (name: string, type: number): Buffer => {
      const bytes = Buffer.alloc(16);
      bytes.writeUInt32LE(names.indexOf(name), 0);
      bytes.writeUInt8(type, 4);
      return bytes;
    };
    const header = Buffer.alloc(32 + 24);
    header.writeUInt32LE(0xfeedfacf, 0);
    header.writeUInt32LE(1, 16);
    const symtab = [2, 24, 56, 3, 56 + 48, names.length];
    symtab.forEach((value, i) => header.writeUInt32LE(value, 32 + 4 * i));
    const file = Buffer.concat([
      header,
      entry('_here', 0x0f),
      entry('_there', 0x01),
      entry('_local', 0x0e),
      Buffer.from(names),
    ]);
    expect([...exportedSymbols(file)]).toEqual(['_here']);
    expect(undefinedSymbols(file)).toEqual(['_there']);
    expect(() => exportedSymbols(Buffer.alloc(64))).toThrow(/not a 64-bit Mach-O/);
  });
});
