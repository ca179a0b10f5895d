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

test('every figure can be taken by `bench -- all`', () => {
  const names = STEPS.map(({ name }) => name);
  expect(FIGURES.map(({ bench }) => bench).filter((name) => !names.includes(name))).toEqual([]);
});

const folder = join(root, 'test/bench/baseline');

test.each(readdirSync(folder).filter((name) => name.endsWith('.json')))(
  '%s says what it was taken of',
  (name) => {
    const { commit, clean, note } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(commit).toMatch(/^[0-9a-f]{7,}$/);
    // Figures of a tree with changes say so; none of them is shown.
    expect([clean, typeof note]).toEqual(clean === true ? [true, 'undefined'] : [false, 'string']);
  },
);
