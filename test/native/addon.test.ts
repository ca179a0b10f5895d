/** Messages for an addon that fails to load. */
import { afterAll, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chooseDevice, loadAddon, explainLoadFailure } from '#native/addon.js';
import { testUnless } from '#test/harness/skipping.js';

const scratch = mkdtempSync(path.join(tmpdir(), 'sotto-core-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function failure(target: string, root = scratch): { code: unknown; message: string } {
  try {
    loadAddon({ target, root });
  } catch (error) {
    const { message, code } = error as Error & { code?: unknown };
    return { message, code };
  }
  throw new Error('nothing was thrown');
}

test('explains how to build a missing addon', () => {
  const { code, message } = failure('linux-x64');
  expect(code).toBe('NATIVE_UNAVAILABLE');
  expect(message).toMatch(/not built for linux-x64; run `npm run setup`/);
});

test('names an unsupported platform and the supported ones', () => {
  expect(failure('win32-x64').message).toMatch(
    /does not support win32-x64 \(only darwin-arm64, linux-x64, linux-arm64\)/,
  );
});

test('recognizes an addon built for another machine', () => {
  const folder = path.join(scratch, 'native/lib/linux-arm64');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'sotto-mlx.node'), 'not a library');
  expect(failure('linux-arm64').message).toMatch(
    /(another machine|could not be loaded).*run `npm run setup` again/,
  );
});

test('explains a missing libmlx and names the MLX it was built with', () => {
  const folder = path.join(scratch, 'native/lib/elsewhere');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'sotto-mlx.node');
  const missingLibrary = new Error('libmlx.so: cannot open shared object file: No such file or directory');
  expect(explainLoadFailure(file, missingLibrary)[0]).toMatch(
    /library .* is missing \(built with an unknown MLX\)/,
  );
  writeFileSync(path.join(folder, 'build.json'), '{"source":"mlx-cpu==0.32.4"}');
  const [problem, nextStep] = explainLoadFailure(file, missingLibrary);
  expect(problem).toMatch(/built with mlx-cpu==0\.32\.4/);
  expect(nextStep).toMatch(/npm run setup/);
  expect(
    explainLoadFailure(file, new Error('dlopen(x): Library not loaded: @rpath/libmlx.dylib'))[0],
  ).toMatch(/is missing/);
});

test('reports a mismatch between the built and the loaded MLX', () => {
  const reason = 'the addon was built against MLX 0.32.4, but the libmlx found at run time is 0.33.0';
  expect(explainLoadFailure('/x/sotto-mlx.node', new Error(reason))[0]).toBe(reason);
});

const NO_METAL =
  '[metal::load_device] No Metal device available. This typically occurs in headless, sandboxed, or virtualized macOS sessions where the GPU is not accessible.';

/** Loads the addon in a process where MLX's first use throws, as on a Mac without a GPU. */
function loadWhereMlxThrows(message: string): { status: number | null; stdout: string } {
  const source = path.join(scratch, 'throws.cc');
  const library = path.join(scratch, 'throws.so');
  const body = `#include <stdexcept>
    namespace mlx::core { unsigned long get_cache_memory() { throw std::runtime_error(${JSON.stringify(message)}); } }`;
  writeFileSync(source, body);
  expect(spawnSync('g++', ['-shared', '-fPIC', source, '-o', library]).status).toBe(0);
  const core = new URL('../../native/addon.js', import.meta.url).href;
  const script = `import(${JSON.stringify(core)}).then(() => console.log('loaded'), ({ code, message }) => console.log(code, message))`;
  return spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    // The sanitizers' libraries, if present, must come first.
    env: {
      ...process.env,
      LD_PRELOAD: [process.env['LD_PRELOAD'], library].filter(Boolean).join(' '),
      NODE_OPTIONS: '',
    },
  });
}

testUnless(
  process.platform === 'linux' ? undefined : 'Linux only: LD_PRELOAD puts a library in front of MLX',
)('reports an MLX that fails to start without ending the process', () => {
  const { status, stdout } = loadWhereMlxThrows(NO_METAL);
  expect([status, stdout]).toEqual([
    0,
    expect.stringMatching(
      /^NATIVE_UNAVAILABLE MLX for macOS needs a GPU.*; run Sotto from the desktop/,
    ) as unknown,
  ]);
  expect(loadWhereMlxThrows('Failed to load the default metallib. library not found').stdout).toMatch(
    /^NATIVE_UNAVAILABLE MLX's GPU kernels could not be loaded: .*default metallib/,
  );
});

/** A machine without a GPU, which records the selected device. */
function cpuOnly(): { chosen: string[] } & Parameters<typeof chooseDevice>[0] {
  const chosen: string[] = [];
  return {
    chosen,
    deviceAvailable: (device) => device === 'cpu',
    setDefaultDevice: (device) => chosen.push(String(device)),
  };
}

test.each([
  [undefined, []],
  ['', []],
  ['cpu', ['cpu']],
])('SOTTO_DEVICE %p selects %p', (requested, chosen) => {
  const mlx = cpuOnly();
  chooseDevice(mlx, requested);
  expect(mlx.chosen).toEqual(chosen);
});

test.each([
  ['gpu', /SOTTO_DEVICE is gpu, but MLX finds no GPU; unset it/],
  ['GPU', /SOTTO_DEVICE is "GPU"; set it to cpu or gpu/],
])('rejects SOTTO_DEVICE %p on a machine without a GPU', (requested, message) => {
  const mlx = cpuOnly();
  expect(() => chooseDevice(mlx, requested)).toThrow(message);
  expect(mlx.chosen).toEqual([]);
});

test('applies SOTTO_DEVICE before the first computation', () => {
  const script = `const { mx } = await import(${JSON.stringify(new URL('../../native/index.js', import.meta.url).href)}); console.log(mx.defaultDevice());`;
  const run = (device: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, SOTTO_DEVICE: device },
    });
  expect(run('cpu').stdout).toBe('cpu\n');
  expect(run('tpu').stderr).toMatch(/SOTTO_DEVICE is "tpu"/);
});
