/** What a user reads when the addon can't be loaded. */
import { afterAll, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadAddon, whyBroken } from '#native/core.js';

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

test('an addon that is not built says how to build it', () => {
  const { code, message } = failure('linux-x64');
  expect(code).toBe('NATIVE_UNAVAILABLE');
  expect(message).toMatch(/not built for linux-x64; run `npm run setup`/);
});

test('a platform without MLX is named beside those with it', () => {
  expect(failure('win32-x64').message).toMatch(
    /does not exist for win32-x64 \(only for darwin-arm64, linux-x64, linux-arm64\)/,
  );
});

test('an addon of another machine is told apart', () => {
  const folder = path.join(scratch, 'native/lib/linux-arm64');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'sotto-mlx.node'), 'not a library');
  expect(failure('linux-arm64').message).toMatch(
    /(another machine|could not be loaded).*run `npm run setup` again/,
  );
});

test('an addon without its libmlx says so, and what it was built with', () => {
  const folder = path.join(scratch, 'native/lib/elsewhere');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'sotto-mlx.node');
  const gone = new Error('libmlx.so: cannot open shared object file: No such file or directory');
  expect(whyBroken(file, gone)[0]).toMatch(/library .* is gone \(built with an unknown MLX\)/);
  writeFileSync(path.join(folder, 'build.json'), '{"source":"mlx-cpu==0.32.4"}');
  const [problem, nextStep] = whyBroken(file, gone);
  expect(problem).toMatch(/built with mlx-cpu==0\.32\.4/);
  expect(nextStep).toMatch(/npm run setup/);
  expect(whyBroken(file, new Error('dlopen(x): Library not loaded: @rpath/libmlx.dylib'))[0]).toMatch(
    /is gone/,
  );
});

test('an addon that meets another MLX than it was built against passes the reason on', () => {
  const reason = 'the addon was built against MLX 0.32.4, but the libmlx found at run time is 0.33.0';
  expect(whyBroken('/x/sotto-mlx.node', new Error(reason))[0]).toBe(reason);
});
