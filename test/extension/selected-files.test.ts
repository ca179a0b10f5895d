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
  test('parses paths, quoted paths and file URLs', () => {
    expect(parsePath('/a/b.wav')).toBe('/a/b.wav');
    expect(parsePath(' "/a/b c.wav" ')).toBe('/a/b c.wav');
    expect(parsePath("'/a/b.wav'")).toBe('/a/b.wav');
    expect(parsePath('~/b.wav')).toBe(join(homedir(), 'b.wav'));
    expect(parsePath('file:///a/b%20c%C3%A9.wav')).toBe('/a/b cé.wav');
    expect(parsePath('file://%')).toBeUndefined();
    expect(parsePath('b.wav')).toBeUndefined();
  });

  test('accepts a text as paths only if each line is an existing path', () => {
    const one = file('one.wav');
    const two = file('two words.wav');
    expect(parsePaths(`${one}\r\n\n${pathToFileURL(two).href}\n`)).toEqual([one, two]);
    expect(parsePaths(`${one}\nand some prose`)).toEqual([]);
    expect(parsePaths(join(folder, 'gone.wav'))).toEqual([]);
    expect(parsePaths('')).toEqual([]);
    expect(parsePaths(`${one}\n`.repeat(600))).toEqual([]);
    expect(parsePaths('/\0')).toEqual([]);
  });

  test('lists the audio files directly in a folder, in natural order', () => {
    const inside = ['2 b.MP3', '10 a.wav', '.hidden.wav', 'notes.txt'].map(file);
    mkdirSync(join(folder, 'movie.mov'));
    expect(expandFolders([folder, inside[0] ?? ''])).toEqual({
      files: inside.slice(0, 2),
      remark: undefined,
    });
  });

  test('accepts any file that is selected itself', () => {
    const odd = file('recording');
    expect(expandFolders([odd, odd])).toEqual({ files: [odd], remark: undefined });
  });

  test('says which files are missing', () => {
    expect(expandFolders([folder]).remark).toMatch(/^No audio files in “file-find-/);
    expect(expandFolders([join(folder, 'gone.wav')]).remark).toBe('“gone.wav” no longer exists');
    expect(expandFolders([join(folder, 'a'), join(folder, 'b')]).remark).toBe('2 files no longer exist');
    expect(expandFolders([])).toEqual({ files: [], remark: undefined });
  });
});
