import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { STEPS } from './all.js';
import { root } from './clips.js';
import { figureFiles } from './figures-files.js';
import { FIGURES, FRONT_FIGURES, figureRows } from './figures.js';

test.each(['README.md', 'test/bench/FIGURES.md'])('%s shows the figures of the baselines', (name) => {
  expect(readFileSync(join(root, name), 'utf8')).toBe(figureFiles().get(name));
});

test('the README shows five figures, each with a baseline', () => {
  const rows = figureRows(FRONT_FIGURES);
  expect(rows).toHaveLength(5);
  expect(rows.flat().filter((cell) => /NaN|undefined/.test(cell))).toEqual([]);
});

test('`bench -- all` runs the bench of every figure', () => {
  const names = STEPS.map(({ name }) => name);
  expect(FIGURES.map(({ bench }) => bench).filter((name) => !names.includes(name))).toEqual([]);
});

const folder = join(root, 'test/bench/baseline');

test.each(readdirSync(folder).filter((name) => name.endsWith('.json')))('%s records its commit', (name) => {
  const { commit, clean, note } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<
    string,
    unknown
  >;
  expect(commit).toMatch(/^[0-9a-f]{7,}$/);
  // A baseline with uncommitted changes has a note and is not shown.
  expect([clean, typeof note]).toEqual(clean === true ? [true, 'undefined'] : [false, 'string']);
});
