/** The stored speed of the machine. */
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

test('is read again, for this chip only', async () => {
  await keepMachineSpeed(file, 1800.4, 'M1');
  expect(readMachineSpeed(file, 'M1')).toBe(1800);
  // A home folder that was moved to a new Mac.
  expect(readMachineSpeed(file, 'M3 Pro')).toBeUndefined();
  expect(readdirSync(join(folder, 'home'))).toEqual(['machine.json']);
});

test('the best measurement counts; with another chip, the new one', async () => {
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
  ['a speed of zero', '{"chip":"M1","gflops":0}'],
  ['an impossible speed', '{"chip":"M1","gflops":1e99}'],
  ['no chip', '{"gflops":1800}'],
])('a file with %s is ignored, and the next measurement replaces it', async (_, text) => {
  mkdirSync(join(folder, 'home'));
  writeFileSync(file, text);
  expect(readMachineSpeed(file, 'M1')).toBeUndefined();
  await keepMachineSpeed(file, 1800, 'M1');
  expect(readMachineSpeed(file, 'M1')).toBe(1800);
});

test('a folder in its place is ignored', () => {
  mkdirSync(file, { recursive: true });
  expect(readMachineSpeed(file, 'M1')).toBeUndefined();
});

test.each([NaN, Infinity, 0, -1, 1e99])('%d is not stored', async (gflops) => {
  await keepMachineSpeed(file, gflops, 'M1');
  expect(readdirSync(folder)).toEqual([]);
});
