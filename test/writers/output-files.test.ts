import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { draftName } from '#daemon/writers/placement/place-text.js';
import { makeOutputFolder, outputNames } from '#daemon/writers/placement/output-files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-out-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('outputNames', () => {
  test.each([
    [['talk.mp3'], ['talk.srt']],
    [
      ['a/talk.mp3', 'b/other.wav'],
      ['talk.srt', 'other.srt'],
    ],
    [
      ['talk.mp3', 'talk.wav'],
      ['talk.mp3.srt', 'talk.wav.srt'],
    ],
    [
      ['a/talk.mp3', 'b/talk.mp3'],
      ['talk.mp3.srt', 'talk.mp3-2.srt'],
    ],
    [
      ['Talk.mp3', 'talk.wav'],
      ['Talk.mp3.srt', 'talk.wav.srt'],
    ],
    [
      ['no-extension', '.hidden', 'two.dots.mp3'],
      ['no-extension.srt', '.hidden.srt', 'two.dots.srt'],
    ],
  ])('%j → %j', (files, names) => {
    expect(outputNames(files, 'srt')).toEqual(names);
  });

  test('never gives two inputs one name, even if case is ignored', () => {
    const name = fc.constantFrom(
      'a',
      'A',
      'a-2',
      'a.mp3',
      'A.MP3',
      'a.wav',
      'x/a.mp3',
      'y/a.mp3',
      'é.wav',
      'é.wav',
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 12 }), (files) => {
        const keys = outputNames(files, 'txt').map((one) => one.toLowerCase().normalize('NFC'));
        expect(new Set(keys).size).toBe(files.length);
      }),
    );
  });
});

describe('makeOutputFolder', () => {
  test('creates the folder and its parents', async () => {
    await makeOutputFolder(join(folder, 'x', 'y'));
    await makeOutputFolder(join(folder, 'x', 'y'));
    writeFileSync(join(folder, 'file'), '');
    chmodSync(join(folder, 'file'), 0o600);
    await expect(makeOutputFolder(join(folder, 'file'))).rejects.toThrow(/can't be made/);
  });

  test('removes drafts of a killed process', async () => {
    for (const name of [draftName(2 ** 30), 'talk.txt']) writeFileSync(join(folder, name), 'segm');
    await makeOutputFolder(folder);
    expect(readdirSync(folder)).toEqual(['talk.txt']);
  });
});
