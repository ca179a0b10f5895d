import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describeUnless } from '#test/harness/skipping.js';
import { buildExtension, extensionFolder, whyNotBuilt } from './build-extension.js';
import { sottoHarness } from './sotto-harness.js';
import { linkPackages, makeStoreCopy } from './store-copy.js';

const execute = promisify(execFile);
const reason = await whyNotBuilt();

const INSTALL_TIMEOUT_MS = 240_000;
/** Errors of npm without a network. */
const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ETIMEDOUT|ENOTCACHED/;

describe('Store copy of the extension', () => {
  let folder: string;
  let files: string[];
  beforeAll(async () => {
    folder = await makeStoreCopy();
    files = readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((path) => !lstatSync(path).isDirectory());
  });
  afterAll(() => rmSync(dirname(folder), { recursive: true, force: true }));

  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

  test('has the extension unchanged, and Sotto’s client', () => {
    const generated = ['node_modules', 'dist', 'raycast-env.d.ts', '.installing', '.DS_Store'];
    const own = readdirSync(extensionFolder).filter((name) => !generated.includes(name));
    expect(readdirSync(folder).sort()).toEqual([...own, 'sotto'].sort());
    const before = JSON.parse(readFileSync(join(extensionFolder, 'package.json'), 'utf8')) as Manifest;
    const dependencies = { ...before.dependencies, sotto: 'file:./sotto' };
    expect(JSON.parse(read('package.json'))).toEqual({ ...before, dependencies });
  });

  test('adds only sources and the license', () => {
    const names = files.filter((file) => file.startsWith(join(folder, 'sotto/')));
    expect(names.length).toBeGreaterThan(10);
    expect(
      names.filter((name) => !/(\.ts|\/package\.json|\/LICENSE)$/.test(name) || name.endsWith('.d.ts')),
    ).toEqual([]);
  });

  test('refers to nothing outside itself', () => {
    expect(files.filter((file) => !lstatSync(file).isFile())).toEqual([]);
    for (const name of ['package.json', 'package-lock.json', 'sotto/package.json'])
      expect(read(name)).not.toMatch(/"(file:|link:)?\.\.(\/|")/);
    const inside = new Set(files);
    let imports = 0;
    for (const file of files.filter((name) => name.endsWith('.ts') && name.includes('/sotto/sotto/'))) {
      for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/ from '(\.[^']+)';$/gm)) {
        imports++;
        expect(inside).toContain(resolve(dirname(file), path).replace(/\.js$/, '.ts'));
      }
    }
    expect(imports).toBeGreaterThan(20);
  });
});

describeUnless(reason)('Store copy, installed and built alone', () => {
  const folders: string[] = [];
  const harness = sottoHarness(async () => {
    const folder = await makeStoreCopy();
    folders.push(dirname(folder));
    try {
      const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--engine-strict=false'];
      await execute('npm', ['ci', ...flags], { cwd: folder, timeout: INSTALL_TIMEOUT_MS });
    } catch (error) {
      if (!NO_NETWORK.test(String(error))) throw error;
      console.warn('not seen here, for want of a network: npm ci in the copy for the Store');
      rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
      linkPackages(folder);
    }
    return buildExtension(folder);
  });
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

  test('has commands that connect to the daemon', async () => {
    const command = harness.raycast({}).launch('models');
    await command.untilText('On This Mac');
    await command.untilText('In Memory');
  });
});

interface Manifest {
  dependencies: Record<string, string>;
}
