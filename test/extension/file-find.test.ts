import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeLib } from './load-lib.js';

interface FileFind {
  readonly pathOf: (written: string) => string | undefined;
  readonly pathsIn: (text: string) => string[];
  readonly filesOf: (paths: readonly string[]) => { files: string[]; remark: string | undefined };
}

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'file-find-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  return path;
}

await describeLib<FileFind>('file-find', ({ pathOf, pathsIn, filesOf }) => {
  test('a path is understood however it was written', () => {
    expect(pathOf('/a/b.wav')).toBe('/a/b.wav');
    expect(pathOf(' "/a/b c.wav" ')).toBe('/a/b c.wav');
    expect(pathOf("'/a/b.wav'")).toBe('/a/b.wav');
    expect(pathOf('~/b.wav')).toBe(join(homedir(), 'b.wav'));
    expect(pathOf('file:///a/b%20c%C3%A9.wav')).toBe('/a/b cé.wav');
    expect(pathOf('file://%')).toBeUndefined();
    expect(pathOf('b.wav')).toBeUndefined();
  });

  test('a text is taken for paths only if all of it is, and all of them are there', () => {
    const one = file('one.wav');
    const two = file('two words.wav');
    expect(pathsIn(`${one}\r\n\n${pathToFileURL(two).href}\n`)).toEqual([one, two]);
    expect(pathsIn(`${one}\nand some prose`)).toEqual([]);
    expect(pathsIn(join(folder, 'gone.wav'))).toEqual([]);
    expect(pathsIn('')).toEqual([]);
    expect(pathsIn(`${one}\n`.repeat(600))).toEqual([]);
    expect(pathsIn('/\0')).toEqual([]);
  });

  test('a folder gives the audio that lies directly in it, in the order that people count', () => {
    const inside = ['2 b.MP3', '10 a.wav', '.hidden.wav', 'notes.txt'].map(file);
    mkdirSync(join(folder, 'movie.mov'));
    expect(filesOf([folder, inside[0] ?? ''])).toEqual({ files: inside.slice(0, 2), remark: undefined });
  });

  test('what was named itself is taken whatever it is called: the sound decides', () => {
    const odd = file('recording');
    expect(filesOf([odd, odd])).toEqual({ files: [odd], remark: undefined });
  });

  test('what can’t be taken is said', () => {
    expect(filesOf([folder]).remark).toMatch(/^There is no audio in “file-find-/);
    expect(filesOf([join(folder, 'gone.wav')]).remark).toBe('“gone.wav” is not there any more');
    expect(filesOf([join(folder, 'a'), join(folder, 'b')]).remark).toBe('2 files are not there any more');
    expect(filesOf([])).toEqual({ files: [], remark: undefined });
  });
});
