/** The included models by their manifest, and without one. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { bundledModels } from '#daemon/paths.js';
import { readSettings } from '#daemon/settings.js';
import { chosenModel } from '#daemon/store/chosen-model.js';
import { findModel } from '#daemon/store/find-model.js';
import { includedModels } from '#daemon/store/included-models.js';
import { smallerModels } from '#daemon/store/smaller-models.js';

let bundled = '';
beforeEach(() => void (bundled = mkdtempSync(join(tmpdir(), 'sotto-included-'))));
afterEach(() => rmSync(bundled, { recursive: true, force: true }));

function include(name: string, bytes: number): void {
  mkdirSync(join(bundled, name));
  writeFileSync(join(bundled, name, 'weights'), 'x'.repeat(bytes));
}

function writeManifest(text: string): void {
  writeFileSync(join(bundled, 'manifest.json'), text);
}

test('the release has a starter model, one for English dictation, and a codec', () => {
  const { starter, english, codec } = includedModels(bundledModels);
  expect([starter?.name, english?.name, codec?.name]).toEqual([
    'whisper-base-6bit',
    'moonshine-base-6bit',
    'lyra-v2',
  ]);
});

test('the manifest names them, not the order of the directories', () => {
  include('a', 1);
  include('b', 1);
  writeManifest('{"starter": "b", "english": "a"}');
  expect(includedModels(bundled)).toEqual({
    starter: { name: 'b', dir: join(bundled, 'b') },
    english: { name: 'a', dir: join(bundled, 'a') },
  });
  expect(findModel({ models: bundled, bundled }, undefined).name).toBe('b');
});

test.each([
  ['no manifest', undefined],
  ['no JSON', '{'],
  ['no object', '[]'],
  ['missing directories', '{"starter": "c", "english": "d"}'],
  ['names outside the directory', '{"starter": "../x", "english": ".."}'],
])('%s: the first directory is the starter model', (_, manifest) => {
  include('a', 1);
  if (manifest !== undefined) writeManifest(manifest);
  expect(includedModels(bundled)).toEqual({});
  expect(findModel({ models: bundled, bundled }, undefined).name).toBe('a');
});

test('the codec serves until another one is chosen, and replaces no model that transcribes', () => {
  for (const name of ['codec', 'large', 'small']) include(name, name.length);
  writeManifest('{"starter": "small", "codec": "codec"}');
  include('largest', 20);
  const dirs = { models: join(bundled, 'none'), bundled };
  const settings = readSettings(join(bundled, 'none.json'));
  expect(chosenModel(dirs, settings, 'codec').name).toBe('codec');
  expect(chosenModel(dirs, { ...settings, models: { codec: 'large' } }, 'codec').name).toBe('large');
  expect(() => chosenModel(dirs, settings, 'speak')).toThrow('no model is chosen');
  expect(smallerModels(dirs, findModel(dirs, 'largest')).map(({ name }) => name)).toEqual(['large', 'small']);
});

test('the English model does not replace one of more languages that is too large', () => {
  for (const [name, bytes] of [
    ['english', 5],
    ['small', 3],
    ['large', 9],
  ] as const)
    include(name, bytes);
  writeManifest('{"starter": "small", "english": "english"}');
  const dirs = { models: join(bundled, 'none'), bundled };
  expect(smallerModels(dirs, findModel(dirs, 'large')).map(({ name }) => name)).toEqual(['small']);
});
