import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeModule } from './describe-module.js';

interface FindFiles {
  readonly parsePath: (written: string) => string | undefined;
  readonly parsePaths: (text: string) => string[];
  readonly expandFolders: (paths: readonly string[]) => { files: string[]; remark: string | undefined };
}

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'file-find-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  return path;
}

await describeModule<FindFiles>('files/selected-files', ({ parsePath, parsePaths, expandFolders }) => {
  test('a path is understood however it was written', () => {
    expect(parsePath('/a/b.wav')).toBe('/a/b.wav');
    expect(parsePath(' "/a/b c.wav" ')).toBe('/a/b c.wav');
    expect(parsePath("'/a/b.wav'")).toBe('/a/b.wav');
    expect(parsePath('~/b.wav')).toBe(join(homedir(), 'b.wav'));
    expect(parsePath('file:///a/b%20c%C3%A9.wav')).toBe('/a/b cé.wav');
    expect(parsePath('file://%')).toBeUndefined();
    expect(parsePath('b.wav')).toBeUndefined();
  });

  test('a text is taken for paths only if all of it is, and all of them are there', () => {
    const one = file('one.wav');
    const two = file('two words.wav');
    expect(parsePaths(`${one}\r\n\n${pathToFileURL(two).href}\n`)).toEqual([one, two]);
    expect(parsePaths(`${one}\nand some prose`)).toEqual([]);
    expect(parsePaths(join(folder, 'gone.wav'))).toEqual([]);
    expect(parsePaths('')).toEqual([]);
    expect(parsePaths(`${one}\n`.repeat(600))).toEqual([]);
    expect(parsePaths('/\0')).toEqual([]);
  });

  test('a folder gives the audio that lies directly in it, in the order that people count', () => {
    const inside = ['2 b.MP3', '10 a.wav', '.hidden.wav', 'notes.txt'].map(file);
    mkdirSync(join(folder, 'movie.mov'));
    expect(expandFolders([folder, inside[0] ?? ''])).toEqual({
      files: inside.slice(0, 2),
      remark: undefined,
    });
  });

  test('what was named itself is taken whatever it is called: the sound decides', () => {
    const odd = file('recording');
    expect(expandFolders([odd, odd])).toEqual({ files: [odd], remark: undefined });
  });

  test('what can’t be taken is said', () => {
    expect(expandFolders([folder]).remark).toMatch(/^There is no audio in “file-find-/);
    expect(expandFolders([join(folder, 'gone.wav')]).remark).toBe('“gone.wav” is not there any more');
    expect(expandFolders([join(folder, 'a'), join(folder, 'b')]).remark).toBe(
      '2 files are not there any more',
    );
    expect(expandFolders([])).toEqual({ files: [], remark: undefined });
  });
});
