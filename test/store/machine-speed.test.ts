/** The speed of the machine, as it is kept. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { keepMachineSpeed, readMachineSpeed } from '#daemon/store/machine-speed.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-speed-'));
  file = join(folder, 'home/machine.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('is there again, for this chip alone', async () => {
  await keepMachineSpeed(file, 1800.4, 'M1');
  expect(readMachineSpeed(file, 'M1')).toBe(1800);
  // A home that has moved to a new Mac.
  expect(readMachineSpeed(file, 'M3 Pro')).toBeUndefined();
  expect(readdirSync(join(folder, 'home'))).toEqual(['machine.json']);
});

test('the best of all measurements counts; of another chip, the new one', async () => {
  await keepMachineSpeed(file, 1800, 'M1');
  await keepMachineSpeed(file, 900, 'M1');
  await keepMachineSpeed(file, 1820, 'M1');
  expect(readMachineSpeed(file, 'M1')).toBe(1800);
  await keepMachineSpeed(file, 2000, 'M1');
  expect(readMachineSpeed(file, 'M1')).toBe(2000);
  await keepMachineSpeed(file, 500, 'M3');
  expect(readMachineSpeed(file, 'M3')).toBe(500);
});

test.each([
  ['nothing', ''],
  ['half of it', '{"chip":"M1","gfl'],
  ['no object', 'null'],
  ['a list', '[1]'],
  ['no number', '{"chip":"M1","gflops":"1800"}'],
  ['a speed of nothing', '{"chip":"M1","gflops":0}'],
  ['a speed that no GPU has', '{"chip":"M1","gflops":1e99}'],
  ['no chip', '{"gflops":1800}'],
])('a file with %s counts as none, and the next measurement replaces it', async (_, text) => {
  mkdirSync(join(folder, 'home'));
  writeFileSync(file, text);
  expect(readMachineSpeed(file, 'M1')).toBeUndefined();
  await keepMachineSpeed(file, 1800, 'M1');
  expect(readMachineSpeed(file, 'M1')).toBe(1800);
});

test('a folder in its place counts as none', () => {
  mkdirSync(file, { recursive: true });
  expect(readMachineSpeed(file, 'M1')).toBeUndefined();
});

test.each([NaN, Infinity, 0, -1, 1e99])('%d is not kept', async (gflops) => {
  await keepMachineSpeed(file, gflops, 'M1');
  expect(readdirSync(folder)).toEqual([]);
});
