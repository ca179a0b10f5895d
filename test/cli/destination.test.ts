import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { destinationOf, formatOfName } from '#daemon/cli/flags/destination.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-dest-'));
  for (const name of ['dir', 'dir.v2', 'in']) mkdirSync(join(folder, name));
  for (const name of ['note', 'a.wav', 'b.wav']) writeFileSync(join(folder, name), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => (name === '-' ? name : `${folder}/${name}`);

test.each([
  ['a.wav', 'out.txt', 'file'],
  ['a.wav', 'new/out.srt', 'file'],
  ['-', 'out.txt', 'file'],
  ['a.wav', 'note', 'file'],
  ['a.wav', 'out', 'folder'],
  ['a.wav', 'new/srt', 'folder'],
  ['a.wav', '.hidden', 'folder'],
  ['a.wav', 'dir', 'folder'],
  ['a.wav', 'dir.v2', 'folder'],
  ['a.wav', 'out.txt/', 'folder'],
  ['a.wav b.wav', 'out.txt', 'folder'],
  ['in', 'out.txt', 'folder'],
])('transcribe %s --output %s writes to a %s', (inputs, output, to) => {
  const destination = destinationOf(inputs.split(' ').map(at), { output: at(output) });
  expect(destination).toEqual({ to, path: at(output) });
});

test('--output-dir is always a folder, - is stdout, and a file is refused as folder', () => {
  expect(destinationOf(['a.wav'], { outputDir: at('out.txt') })).toMatchObject({ to: 'folder' });
  expect(destinationOf(['a.wav'], { output: '-' })).toEqual({ to: 'stdout' });
  expect(destinationOf(['a.wav'], {})).toEqual({ to: 'stdout' });
  const wrong = { code: 'INVALID_ARGUMENT' };
  expect(() => destinationOf(['a.wav'], { outputDir: at('note') })).toThrow(expect.objectContaining(wrong));
  expect(() => destinationOf(['a', 'b'], { output: at('note') })).toThrow(expect.objectContaining(wrong));
  expect(() => destinationOf(['a'], { output: 'x', outputDir: 'y' })).toThrow(expect.objectContaining(wrong));
});

test.each([
  ['x.srt', 'srt'],
  ['x.TXT', 'text'],
  ['x.md', 'md'],
  ['x.markdown', 'md'],
  ['x.htm', 'html'],
  ['x.json', 'json'],
  ['x.log', undefined],
  ['x', undefined],
])('%s holds %s', (name, format) => expect(formatOfName(name)).toBe(format));
