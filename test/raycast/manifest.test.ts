import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { extensionFolder } from './build-extension.js';
import { isNewEnough } from './ray-node.js';
import { isTitleCase, storeManifest } from './store-manifest.js';

const read = (name: string): string => readFileSync(join(extensionFolder, name), 'utf8');
const manifest = storeManifest.parse(JSON.parse(read('package.json')));
const tools = manifest.tools ?? [];

/** Width and height of a PNG. */
function sizeOf(name: string): string {
  const bytes = readFileSync(join(extensionFolder, name));
  expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG');
  return `${bytes.readUInt32BE(16)}×${bytes.readUInt32BE(20)}`;
}

function sourcesIn(folder: string): string[] {
  if (!existsSync(join(extensionFolder, folder))) return [];
  return readdirSync(join(extensionFolder, folder)).filter((name) => /\.tsx?$/.test(name));
}

function stem(file: string): string {
  return file.replace(/\.tsx?$/, '');
}

describe('manifest of the extension', () => {
  test('has exactly the commands that have a source file', () => {
    const names = manifest.commands.map(({ name }) => name);
    expect(names.sort()).toEqual(sourcesIn('src').map(stem).sort());
    expect(tools.map(({ name }) => name).sort()).toEqual(sourcesIn('src/tools').map(stem).sort());
  });

  test('has keywords for each command', () => {
    const without = manifest.commands.filter(({ keywords }) => (keywords?.length ?? 0) < 2);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test('has titles in title case', () => {
    const preferences = manifest.commands.flatMap((command) => command.preferences ?? []);
    const all = [manifest, ...manifest.commands, ...tools, ...preferences, ...(manifest.preferences ?? [])];
    const titles = all.map(({ title }) => title ?? '');
    expect(titles.filter((title) => !isTitleCase(title))).toEqual([]);
  });

  test('describes each command and preference in a sentence', () => {
    const all = [manifest, ...manifest.commands, ...tools, ...(manifest.preferences ?? [])];
    expect(all.map(({ description }) => description).filter((text) => !/^[A-Z“`].*\.$/s.test(text))).toEqual(
      [],
    );
  });

  test('describes the input of each tool', () => {
    const sources = sourcesIn('src/tools').map((file) => read(`src/tools/${file}`));
    const withInput = sources.filter((source) => /type Input|interface Input/.test(source));
    expect(withInput.length).toBeGreaterThan(0);
    for (const source of withInput) expect(source).toMatch(/Input\b[^}]*\/\*\*/);
  });
});

describe('other requirements of the Store', () => {
  test('has an icon of 512 × 512', () => {
    expect(sizeOf(`assets/${manifest.icon}`)).toBe('512×512');
  });

  test('has three to six numbered pictures of 2000 × 1250', () => {
    const pictures = readdirSync(join(extensionFolder, 'metadata')).sort();
    expect(pictures.length).toBeGreaterThanOrEqual(3);
    expect(pictures.length).toBeLessThanOrEqual(6);
    expect(pictures).toEqual(pictures.map((_, at) => `${manifest.name}-${at + 1}.png`));
    for (const name of pictures) expect(sizeOf(`metadata/${name}`)).toBe('2000×1250');
  });

  test('has a README that names each command and has all its pictures', () => {
    const readme = read('README.md');
    const missing = manifest.commands.filter(({ title }) => !readme.includes(title));
    expect(missing.map(({ title }) => title)).toEqual([]);
    const pictures = [...readme.matchAll(/!\[[^\]]*\]\(([^)]+)\)|<img[^>]* src="([^"]+)"/g)];
    expect(pictures.length).toBeGreaterThan(0);
    for (const [, markdown, tag] of pictures)
      expect(existsSync(join(extensionFolder, markdown ?? tag ?? ''))).toBe(true);
  });

  test('has a changelog whose latest entry the Store dates', () => {
    expect(read('CHANGELOG.md')).toMatch(/^# .+ Changelog\n\n## \[.+\] - \{PR_MERGE_DATE\}\n\n- /);
  });

  test('has an npm lockfile without registry URLs', () => {
    const lock = JSON.parse(read('package-lock.json')) as { lockfileVersion: number };
    expect(lock.lockfileVersion).toBe(3);
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/);
  });
});

describe('helpers of these tests', () => {
  test('checks title case', () => {
    for (const title of ['Add to Vocabulary', 'Set Up', 'Transcribe File…'])
      expect(isTitleCase(title)).toBe(true);
    for (const title of ['Add To Vocabulary', 'Paste last Transcript', 'open'])
      expect(isTitleCase(title)).toBe(false);
  });

  test('refuses a field that the Store does not know', () => {
    expect(() => storeManifest.parse({ ...manifest, color: 'red' })).toThrow('color');
    const [first] = manifest.commands;
    expect(() => storeManifest.parse({ ...manifest, commands: [{ ...first, mode: 'window' }] })).toThrow();
  });

  test('compares Node versions', () => {
    expect(['v22.22.2', 'v22.23.0', 'v24.0.0'].every(isNewEnough)).toBe(true);
    expect(['v20.20.2', 'v22.22.1', 'v22.9.9'].some(isNewEnough)).toBe(false);
  });
});
