import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { extensionFolder } from '#test/raycast/build-extension.js';
import { describeModule } from './describe-module.js';

interface Languages {
  readonly languages: () => { readonly code: string; readonly name: string }[];
}

interface Preference {
  readonly name: string;
  readonly data?: { readonly value: string }[];
}

await describeModule<Languages>('lib/languages', ({ languages }) => {
  test('gives each language its own name', () => {
    const all = languages();
    expect(all).toHaveLength(100);
    expect(all.filter(({ code, name }) => code === name)).toEqual([]);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  test('has all languages of the preferences', () => {
    const { preferences } = JSON.parse(readFileSync(join(extensionFolder, 'package.json'), 'utf8')) as {
      preferences: Preference[];
    };
    const wanted = preferences.find(({ name }) => name === 'language')?.data?.map(({ value }) => value) ?? [];
    const codes = languages().map(({ code }) => code);
    expect(wanted.filter((code) => code !== 'auto' && !codes.includes(code))).toEqual([]);
  });
});
