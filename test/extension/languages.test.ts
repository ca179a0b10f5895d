import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CATALOGUE } from '#daemon/store/catalogue/index.js';
import { extensionFolder } from '#test/raycast/build-extension.js';
import { describeModule } from './describe-module.js';

interface Model {
  readonly name: string;
  readonly languages: readonly string[];
}

interface Languages {
  readonly languagesOf: (
    list: { readonly installed: readonly Model[]; readonly catalogue: readonly Model[] },
    model: string | undefined,
  ) => { readonly code: string; readonly name: string }[];
}

interface Preference {
  readonly name: string;
  readonly data?: { readonly value: string }[];
}

await describeModule<Languages>('lib/languages', ({ languagesOf }) => {
  const installed = [
    { name: 'two', languages: ['de', 'en'] },
    { name: 'unknown', languages: [] },
  ];
  const list = { installed, catalogue: CATALOGUE };

  test('are those of the model, by name', () => {
    expect(languagesOf(list, 'two')).toEqual([
      { code: 'en', name: 'English' },
      { code: 'de', name: 'German' },
    ]);
  });

  test.each(['unknown', 'missing', undefined])('of a model that is not known are all: %s', (model) => {
    const all = languagesOf(list, model);
    expect(all.length).toBeGreaterThanOrEqual(100);
    expect(all.filter(({ code, name }) => code === name)).toEqual([]);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  test('include all of the preferences', () => {
    const { preferences } = JSON.parse(readFileSync(join(extensionFolder, 'package.json'), 'utf8')) as {
      preferences: Preference[];
    };
    const wanted = preferences.find(({ name }) => name === 'language')?.data?.map(({ value }) => value) ?? [];
    const codes = languagesOf(list, undefined).map(({ code }) => code);
    expect(wanted.filter((code) => code !== 'auto' && !codes.includes(code))).toEqual([]);
  });
});
