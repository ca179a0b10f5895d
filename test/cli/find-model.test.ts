import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import { findModel, modelNames, type ModelDirs } from '#daemon/store/find-model.js';

let folder: string;
let dirs: ModelDirs;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-store-'));
  dirs = { models: join(folder, 'models'), bundled: join(folder, 'bundled') };
  for (const dir of ['models/base', 'models/mine', 'bundled/base', 'bundled/starter']) {
    mkdirSync(join(folder, dir), { recursive: true });
  }
  writeFileSync(join(folder, 'bundled', 'README.md'), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('findModel', () => {
  test('returns the first bundled model by default', () => {
    expect(findModel(dirs, undefined)).toEqual({ name: 'base', dir: join(folder, 'bundled/base') });
  });

  test('prefers the user’s model to the bundled one', () => {
    expect(findModel(dirs, 'base').dir).toBe(join(folder, 'models/base'));
    expect(findModel(dirs, 'starter').dir).toBe(join(folder, 'bundled/starter'));
    expect(modelNames(dirs)).toEqual(['base', 'mine', 'starter']);
  });

  test('accepts an absolute folder and names the model after it', () => {
    const dir = join(folder, 'models/mine');
    expect(findModel(dirs, dir)).toEqual({ name: 'mine', dir });
    for (const other of [`${dir}/`, `${dir}/.`, `${dir}/../mine`])
      expect(findModel(dirs, other)).toEqual({ name: 'mine', dir });
    expect(() => findModel(dirs, join(folder, 'none'))).toThrow(/folder not found/);
    expect(() => findModel(dirs, join(folder, 'bundled/README.md'))).toThrow(/is a file/);
  });

  test('suggests names for an unknown one', () => {
    expect(() => findModel(dirs, 'huge')).toThrow(
      expect.objectContaining({
        code: 'MODEL_NOT_FOUND',
        hint: expect.stringContaining('base, mine, starter') as unknown,
      }),
    );
  });

  test('reports a missing included model', () => {
    rmSync(dirs.bundled, { recursive: true });
    expect(() => findModel(dirs, undefined)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  });

  test('never resolves a name outside the two folders', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('.', '/', '\\', '~', '\0', 'a', ' ', '..'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(nasty, (name) => {
        if (name.startsWith('/')) return;
        try {
          const { dir } = findModel(dirs, name);
          expect(dir).toBe(join(folder, 'models', name));
        } catch (error) {
          expect(error).toBeInstanceOf(SottoError);
        }
      }),
    );
  });
});
