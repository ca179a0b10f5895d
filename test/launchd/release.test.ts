import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { skippedTest, testUnless } from '#test/harness/skipping.js';
import { currentNode } from '#test/harness/build-release.js';
import { load, root, type BundledNode, type Lock } from './release-modules.js';

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;

/** Built addons: this machine's, and macOS's if it was cross-built (native/build/cross-check.mjs). */
const ADDONS = {
  'linux-x64': join(root, 'native/lib/linux-x64'),
  'darwin-arm64': join(root, 'native/lib/darwin-arm64-cross'),
  'darwin-arm64-macos26': join(root, 'native/lib/darwin-arm64-macos26-cross'),
};

/** The Node of this machine, or the pinned one if a release was built here. */
function nodeFor(target: string): BundledNode | undefined {
  if (target === `${process.platform}-${process.arch}`) return currentNode;
  const vendor = join(root, 'native/vendor');
  const name = existsSync(vendor)
    ? readdirSync(vendor).find((entry) => entry.startsWith('node-') && entry.includes(`-${target}-`))
    : undefined;
  if (name === undefined) return undefined;
  const at = (file: string): string => join(vendor, name, file);
  return { program: at('bin/node'), license: at('LICENSE'), version: name.split('-')[1] ?? '' };
}

describe.each(Object.entries(ADDONS))('the release for %s', (name, addonFolder) => {
  const target = name.replace('-macos26', '');
  const macos = name === target ? undefined : '26.2';
  const isBuilt = ['sotto-mlx.node', 'sotto-mic'].every((name) => existsSync(join(addonFolder, name)));
  const node = nodeFor(target);
  if (!isBuilt || node === undefined) {
    skippedTest('is inspected', `no ${isBuilt ? 'Node' : 'addon'} for ${target}`);
    return;
  }
  let scratch: string;
  let folder: string;
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'so-release-'));
    folder = join(scratch, 'package');
    const { readAddon } = await load('launchd/release/addon.mjs');
    const { stage } = await load('launchd/release/stage.mjs');
    stage(root, folder, readAddon(root, target, addonFolder), { node });
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const problems = async (): Promise<string[]> =>
    (await load('launchd/release/inspect.mjs')).inspect(folder, target, root, macos).problems;

  test('contains everything that Sotto needs and nothing else, and finds its libraries in any folder', async () => {
    const { inspect } = await load('launchd/release/inspect.mjs');
    const found = inspect(folder, target, root, macos);
    expect(found.problems).toEqual([]);
    expect(found.binaries).toContain(`native/lib/${target}/sotto-mlx.node`);
    expect(found.binaries).toContain('bin/node');
    expect(statSync(join(folder, 'bin/node')).mode & 0o111).toBe(0o111);
    // Packages with binaries for many systems keep only this system's.
    expect(found.binaries).toContain(`native/lib/${target}/sotto-mic`);
    expect(statSync(join(folder, `native/lib/${target}/sotto-mic`)).mode & 0o111).toBe(0o111);
    expect(found.binaries.filter((file) => file.startsWith('node_modules/'))).toHaveLength(1);
  });

  test('installs with npm without a download, because it bundles its packages', () => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      bundleDependencies: string[];
    };
    expect(manifest).toMatchObject({ name: 'sotto', bin: { sotto: 'daemon/bin/sotto.mjs' } });
    expect(manifest).not.toHaveProperty('devDependencies');
    expect(manifest).not.toHaveProperty('scripts');
    expect(Object.keys(manifest.dependencies)).toEqual(manifest.bundleDependencies);
    expect(statSync(join(folder, 'daemon/bin/sotto.mjs')).mode & 0o111).toBe(0o111);
  });

  test('lists the license of each included library', () => {
    const notices = readFileSync(join(folder, 'THIRD-PARTY.md'), 'utf8');
    const holders = [
      'Apple Inc.',
      'Einar Otto Stangvik',
      'Mozilla Public License',
      'GNU LESSER',
      'Skype Limited',
    ];
    for (const holder of holders) expect(notices).toContain(holder);
  });

  test('is refused if a library or file is missing, or if it contains the build folder', async () => {
    const rename = (name: string): string => join(folder, name);
    const mic = rename(`native/lib/${target}/sotto-mic`);
    const vendor = join(folder, 'native/vendor');
    const mlx = readdirSync(vendor, { recursive: true })
      .map(String)
      .find((name) => /libmlx\.(so|dylib)$/.test(name));
    const library = join(vendor, mlx ?? '');
    cpSync(library, `${library}.kept`);
    rmSync(library);
    rmSync(rename('LICENSE'));
    chmodSync(mic, 0o644);
    writeFileSync(rename('dist/daemon/src/note.js'), `// ${root}/daemon`);
    symlinkSync('package.json', rename('link'));
    expect(await problems()).toEqual(
      expect.arrayContaining([
        'LICENSE is missing',
        `native/lib/${target}/sotto-mic can't be executed`,
        expect.stringMatching(/sotto-mlx\.node needs .*libmlx\.(so|dylib), which is not in the release/),
        'dist/daemon/src/note.js contains the path of the build folder',
        'link is a link, which npm would leave out',
      ]),
    );
    cpSync(`${library}.kept`, library);
    for (const name of [`${library}.kept`, rename('dist/daemon/src/note.js'), rename('link')]) rmSync(name);
    cpSync(join(root, 'LICENSE'), rename('LICENSE'));
    chmodSync(mic, 0o755);
    expect(await problems()).toEqual([]);
  });

  test('is refused if it needs a library at an absolute path, even if it contains one of that name', async () => {
    const home = join(folder, 'native/lib', target);
    const addon = join(home, 'sotto-mlx.node');
    const content = readFileSync(addon);
    // Both have the same length.
    const [movable, fixed] =
      target === 'linux-x64'
        ? ['\0libmlx.so\0', '\0/ibmlx.so\0']
        : ['@rpath/libmlx.dylib', '/opt/x/libmlx.dylib'];
    const decoy = join(home, basename(fixed.replaceAll('\0', '')));
    cpSync(addon, decoy);
    writeFileSync(addon, content.toString('latin1').replace(movable, fixed), 'latin1');
    expect(await problems()).toEqual([
      `native/lib/${target}/sotto-mlx.node needs ${fixed.replaceAll('\0', '')}, which is not in the release`,
    ]);
    rmSync(decoy);
    writeFileSync(addon, content);
  });
});

describe('the loading of libraries', () => {
  const cross = join(ADDONS['darwin-arm64'], 'sotto-mlx.node');
  const onMac = testUnless(existsSync(cross) ? undefined : 'no addon for darwin-arm64');

  onMac('the macOS addon has a relative path to MLX and uses the C++ runtime of the system', async () => {
    const { loading, symbolsFrom } = await load('native/build/macho.mjs');
    const file = readFileSync(cross);
    expect(loading(file)).toEqual({
      name: '@rpath/sotto-mlx.node',
      libraries: expect.arrayContaining(['@rpath/libmlx.dylib', '/usr/lib/libc++.1.dylib']) as unknown,
      rpaths: [expect.stringMatching(/^@loader_path\/\.\.\/\.\.\/vendor\/mlx-metal-[^/]+\/mlx\/lib$/)],
      macos: '14.0',
      signed: true,
      hardened: false,
      sections: expect.arrayContaining(['__text', '__unwind_info']) as unknown,
    });
    // The addon catches an error thrown in libmlx only if both use the same runtime.
    expect(symbolsFrom(file, '/usr/lib/libc++.1.dylib')).toEqual(
      expect.arrayContaining(['___cxa_throw', '___gxx_personality_v0', '__ZTISt9exception']),
    );
    // Node's own functions come from the process that loads it, and so does what Metal's C++ headers call: libmlx needs
    // Metal, which needs the Objective-C runtime.
    const open = symbolsFrom(file, undefined);
    expect(open).toContain('_napi_create_function');
    expect(open.filter((name) => !name.startsWith('_napi_'))).toEqual(['_objc_msgSend']);
  });

  const crossMic = join(ADDONS['darwin-arm64'], 'sotto-mic');
  const withMic = testUnless(existsSync(crossMic) ? undefined : 'no sotto-mic for darwin-arm64');

  withMic(
    'sotto-mic for macOS needs only system libraries, and no entitlement for the microphone',
    async () => {
      const { loading } = await load('native/build/macho.mjs');
      const file = readFileSync(crossMic);
      expect(loading(file)).toEqual({
        name: undefined,
        libraries: ['/usr/lib/libSystem.B.dylib'],
        rpaths: [],
        macos: '14.0',
        signed: true,
        hardened: false,
        sections: expect.arrayContaining(['__text', '__unwind_info']) as unknown,
      });
      // The flags of the code directory, including the runtime's: big-endian, 12 bytes after its magic number.
      const directory = file.indexOf(Buffer.from('fade0c02', 'hex'));
      const hardened = Buffer.from(file);
      hardened.writeUInt32BE(file.readUInt32BE(directory + 12) | 0x10000, directory + 12);
      expect(loading(hardened)).toMatchObject({ signed: true, hardened: true });
    },
  );

  const built = join(ADDONS['linux-x64'], 'sotto-mlx.node');
  const onLinux = testUnless(existsSync(built) ? undefined : 'no addon for linux-x64');

  onLinux('the Linux addon has relative library paths', async () => {
    const { loading } = await load('native/build/elf.mjs');
    const { arch, libraries, rpaths } = loading(readFileSync(built));
    expect(arch).toBe('x64');
    expect(libraries.length).toBeGreaterThan(2);
    expect(rpaths.length).toBeGreaterThan(0);
    expect(rpaths.every((rpath) => rpath.startsWith('$ORIGIN/'))).toBe(true);
  });
});

describe('the packages of a release', () => {
  test('are the run-time dependencies of Sotto, recursively', async () => {
    const { productionPackages } = await load('launchd/release/packages.mjs');
    const names = productionPackages(lock).map(({ name }) => name);
    for (const name of ['ws', 'pino', 'thread-stream', '@photostructure/sqlite', 'node-gyp-build'])
      expect(names).toContain(name);
    for (const name of ['typescript', 'jest', 'react', 'cli-progress', '@types/node'])
      expect(names).not.toContain(name);
  });

  test('exclude development files and binaries for other systems', async () => {
    const { isNeeded } = await load('launchd/release/packages.mjs');
    const kept = (name: string, ...files: string[]): string[] =>
      files.filter((file) => isNeeded(name, file, 'darwin-arm64'));
    expect(kept('ws', 'lib/websocket.js', 'LICENSE', 'index.d.ts', 'lib/x.js.map', 'test/a.js')).toEqual([
      'lib/websocket.js',
      'LICENSE',
    ]);
    // The types that Sotto's own types use are for its library users.
    expect(kept('valibot', 'dist/index.mjs', 'dist/index.d.mts', 'dist/index.d.cts')).toHaveLength(2);
    const sqlite = ['prebuilds/darwin-arm64/x.node', 'prebuilds/darwin-x64/x.node'];
    expect(kept('@photostructure/sqlite', ...sqlite)).toHaveLength(1);
    const lame = ['dist/esnext/index.mjs', 'dist/es/index.mjs', 'dist/index.cjs', 'wasm/mp3.wasm', 'LICENSE'];
    expect(kept('wasm-media-encoders', ...lame)).toEqual(['dist/esnext/index.mjs', 'LICENSE']);
    expect(kept('@swc/helpers', 'package.json', 'LICENSE', 'esm/index.js')).toEqual([
      'package.json',
      'LICENSE',
    ]);
  });

  test('resolve a nested package for the package that contains it', async () => {
    const { productionPackages } = await load('launchd/release/packages.mjs');
    const packages = {
      '': { dependencies: { a: '1', b: '1' } },
      'node_modules/a': { version: '1.0.0', dependencies: { b: '2' } },
      'node_modules/a/node_modules/b': { version: '2.0.0', dependencies: { c: '1' } },
      'node_modules/b': { version: '1.0.0' },
      'node_modules/c': { version: '1.0.0' },
    };
    expect(productionPackages({ packages }).map(({ place }) => place)).toEqual(
      Object.keys(packages).slice(1).sort(),
    );
  });

  test('need a known license text', async () => {
    const { licenseTexts } = await load('launchd/release/third-party.mjs');
    const scratch = mkdtempSync(join(tmpdir(), 'so-license-'));
    writeFileSync(join(scratch, 'package.json'), '{}');
    expect(() => licenseTexts(scratch, '.', 'SSPL-1.0')).toThrow(/\(SSPL-1\.0\) has no license text/);
    writeFileSync(join(scratch, 'LICENSE.txt'), 'as you like');
    expect(licenseTexts(scratch, '.', 'SSPL-1.0')).toEqual(['as you like']);
    rmSync(scratch, { recursive: true });
  });
});

describe('the release file', () => {
  let scratch: string;
  beforeEach(() => void (scratch = mkdtempSync(join(tmpdir(), 'so-pack-'))));
  afterEach(() => rmSync(scratch, { recursive: true, force: true }));

  test('has the same bytes for the same content', async () => {
    const { pack } = await load('launchd/release/pack.mjs');
    const make = async (name: string, text = 'one'): Promise<string> => {
      const folder = join(scratch, name, 'package');
      mkdirSync(folder, { recursive: true });
      for (const file of name === 'b' ? ['y', 'x'] : ['x', 'y']) writeFileSync(join(folder, file), text);
      const { sha256, bytes } = await pack(folder, join(scratch, `${name}.tgz`));
      expect(statSync(join(scratch, `${name}.tgz`)).size).toBe(bytes);
      return sha256;
    };
    expect(await make('a')).toBe(await make('b'));
    expect(await make('c', 'two')).not.toBe(await make('a'));
    expect(readdirSync(scratch).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('has its sum in the install script', async () => {
    const { stampScript } = await load('launchd/release/stamp.mjs');
    const script = readFileSync(join(root, 'launchd/install/install.sh'), 'utf8');
    const sums = { 'darwin-arm64': 'a'.repeat(64) };
    const made = stampScript(script, { version: '1.2.3', url: 'https://example.org/sotto', sums });
    expect(made).toContain(
      `\nVERSION=1.2.3\nADDRESS=https://example.org/sotto\nSHA256_darwin_arm64=${'a'.repeat(64)}\n`,
    );
    // A shell runs the values.
    expect(() => stampScript(script, { version: '1; rm -rf /', url: '', sums })).toThrow(/can't be/);
  });
});
