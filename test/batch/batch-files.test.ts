import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findFiles, type FindOptions, type Found } from '#daemon/batch/find-files.js';
import { globsOf } from '#daemon/batch/globs.js';
import { writeSummary } from '#daemon/cli/transcribe/batch-summary-view.js';
import { NO_OUTPUTS } from '#daemon/writers/placement/outputs.js';
import { draftName, placeText, sweepDrafts } from '#daemon/writers/placement/place-text.js';
import { targetsOf } from '#daemon/batch/targets.js';
import { defined } from '#daemon/protocol/defined.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-batch-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), name);
  }
}

async function found(args: string[], options: Partial<FindOptions> = {}): Promise<Found[]> {
  const all: Found[] = [];
  const paths = args.map((arg) => resolve(folder, arg));
  for await (const one of findFiles(paths, { recursive: true, ...options })) all.push(one);
  return all;
}

async function names(args: string[] = ['.'], options: Partial<FindOptions> = {}): Promise<string[]> {
  return (await found(args, options)).map(({ relative }) => relative);
}

describe('findFiles', () => {
  test('finds audio files sorted by path, without hidden ones', async () => {
    put('b.mp3', 'a/z.WAV', 'a/notes.txt', 'a/.x.wav', '.git/y.wav', 'a/._z.WAV', 'c/film.mp4', 'talk.srt');
    expect(await names()).toEqual(['a/z.WAV', 'b.mp3', 'c/film.mp4']);
    expect(await names(['.'], { recursive: false })).toEqual(['b.mp3']);
  });

  test('uses a file argument whatever its name, with size and date', async () => {
    put('voice.dat');
    utimesSync(join(folder, 'voice.dat'), 1000, 1000.5);
    expect(await found(['voice.dat'])).toEqual([
      {
        type: 'file',
        path: join(folder, 'voice.dat'),
        root: undefined,
        relative: 'voice.dat',
        bytes: 9,
        modifiedMs: 1_000_500,
      },
    ]);
  });

  test('finds each file once, despite links to folders and overlapping arguments', async () => {
    put('a/one.wav', 'a/b/two.wav');
    symlinkSync(folder, join(folder, 'a', 'loop'));
    symlinkSync(join(folder, 'a'), join(folder, 'again.wav'));
    symlinkSync(join(folder, 'a', 'one.wav'), join(folder, 'linked.wav'));
    expect(await names(['a/b', '.', 'a/one.wav'])).toEqual(['two.wav', 'a/one.wav', 'linked.wav']);
  });

  test('follows a folder argument that is a link, and treats a folder with a file name as a folder', async () => {
    put('real/x.wav/inside.mp3');
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    expect(await names(['link'])).toEqual(['x.wav/inside.mp3']);
    expect(await names(['link'], { recursive: false })).toEqual([]);
  });

  test('reports unreadable folders and continues', async () => {
    put('a.wav', 'z.wav');
    symlinkSync(join(folder, 'gone'), join(folder, 'm.wav'));
    const all = await found(['.', 'missing.mp3']);
    expect(all).toMatchObject([
      { type: 'file', relative: 'a.wav' },
      { type: 'unreadable', relative: 'm.wav', folder: false, error: { code: 'AUDIO_NOT_FOUND' } },
      { type: 'file', relative: 'z.wav' },
      { type: 'unreadable', relative: 'missing.mp3', error: { code: 'AUDIO_NOT_FOUND' } },
    ]);
  });

  test('include and exclude match names or paths; an excluded folder is skipped', async () => {
    put('a.mp3', 'a.wav', 'drafts/b.mp3', 'talks/2024/c.mp3', 'talks/2025/d.mp3');
    expect(await names(['.'], { include: ['*.mp3'] })).toHaveLength(4);
    expect(await names(['.'], { include: ['talks/**'] })).toEqual(['talks/2024/c.mp3', 'talks/2025/d.mp3']);
    expect(await names(['.'], { include: ['./talks/*/*.mp3'], exclude: ['2024'] })).toEqual([
      'talks/2025/d.mp3',
    ]);
    expect(await names(['.'], { exclude: ['drafts/', '*.{wav,flac}', 'talks/2025/**'] })).toEqual([
      'a.mp3',
      'talks/2024/c.mp3',
    ]);
  });
});

test('globs are case-sensitive except on a Mac, and match accents in both Unicode forms', () => {
  expect(globsOf({ include: ['*.MP3'] }, false).includes('a.mp3')).toBe(false);
  expect(globsOf({ include: ['*.MP3'] }, true).includes('a.mp3')).toBe(true);
  expect(globsOf({ include: ['caf\u00e9*'] }).includes('x/cafe\u0301.mp3')).toBe(true);
});

describe('targetsOf', () => {
  const file = (root: string | undefined, relative: string) => ({
    root,
    relative,
    path: root === undefined ? `/${relative}` : `${root}/${relative}`,
  });

  test('places texts next to files, with the audio extension if names clash', () => {
    const files = [file('/in', 'talk.mp3'), file('/in', 'a/talk.mp3'), file('/in', 'a/Talk.wav')];
    expect(targetsOf(files, { extension: 'srt' })).toEqual([
      '/in/talk.srt',
      '/in/a/talk.mp3.srt',
      '/in/a/Talk.wav.srt',
    ]);
  });

  test('keeps the folder structure under the output folder', () => {
    const one = [file('/in', 'a/b/talk.mp3'), file(undefined, 'far/away.mp3')];
    expect(targetsOf(one, { extension: 'txt', output: '/out' })).toEqual([
      '/out/a/b/talk.txt',
      '/out/away.txt',
    ]);
    const two = [file('/in', 'talk.mp3'), file('/other', 'talk.mp3')];
    expect(targetsOf(two, { extension: 'txt', output: '/out' })).toEqual([
      '/out/in/talk.txt',
      '/out/other/talk.txt',
    ]);
  });

  test('never gives two files one target, even if case is ignored', () => {
    const root = fc.constantFrom('/in', '/x/in', '/IN', undefined);
    const relative = fc.constantFrom('a.mp3', 'A.mp3', 'a.wav', 'a-2.wav', 'b/a.mp3', 'B/a.mp3', 'b/a.wav');
    const files = fc.uniqueArray(fc.tuple(root, relative), { selector: String, maxLength: 20 });
    fc.assert(
      fc.property(files, fc.constantFrom(undefined, '/out'), (all, output) => {
        const targets = targetsOf(
          all.map(([at, name]) => file(at, name)),
          { extension: 'txt', ...defined({ output }) },
        );
        expect(new Set(targets.map((target) => target.toLowerCase())).size).toBe(all.length);
      }),
    );
  });
});

describe('placeText', () => {
  test('creates folders, replaces a file atomically and leaves no draft', async () => {
    const path = join(folder, 'x', 'y', 'a.txt');
    expect(await placeText(path, 'old and longer')).toBe('placed');
    expect(await placeText(path, 'new')).toBe('placed');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(dirname(path))).toEqual(['a.txt']);
  });

  test('lets exactly one of several writers place a file', async () => {
    const path = join(folder, 'a.txt');
    const texts = Array.from({ length: 20 }, (_, n) => `text ${n}`);
    const outcomes = await Promise.all(texts.map((text) => placeText(path, text, { existing: 'keep' })));
    expect(outcomes.filter((outcome) => outcome === 'placed')).toHaveLength(1);
    expect(readFileSync(path, 'utf8')).toBe(texts[outcomes.indexOf('placed')]);
    expect(readdirSync(folder)).toEqual(['a.txt']);
  });

  test('reports a failure and keeps the existing file', async () => {
    put('file');
    mkdirSync(join(folder, 'a.txt'));
    await expect(placeText(join(folder, 'a.txt'), 'new')).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    await expect(placeText(join(folder, 'file', 'b.txt'), 'new')).rejects.toThrow(
      /part of its path is not a folder/,
    );
    expect(readdirSync(folder).sort()).toEqual(['a.txt', 'file']);
  });

  test('removes drafts of dead processes, keeps those of running ones and other machines', async () => {
    const kept = [draftName(), draftName(process.ppid), draftName(2 ** 30, 'other-mac')];
    put(...kept, draftName(2 ** 30), 'talk.txt', '.sotto-mine.part');
    expect(await sweepDrafts(folder)).toBe(1);
    expect(readdirSync(folder).sort()).toEqual([...kept, '.sotto-mine.part', 'talk.txt'].sort());
    expect(await sweepDrafts(folder, Date.now() + 7 * 3600_000)).toBe(3);
  });

  test('writes a summary and removes the draft of a killed process', async () => {
    put(draftName(2 ** 30));
    const summary = { files: [], audioSeconds: 0, elapsedSeconds: 0 };
    await writeSummary(summary, { summary: join(folder, 'summary.json'), outputs: NO_OUTPUTS });
    expect(readdirSync(folder)).toEqual(['summary.json']);
  });

  test('separates drafts of machines with non-Latin names', () => {
    const owners = ['書斎', '居間'].map((host) => draftName(1, host).split('.')[1]);
    expect(new Set(owners).size).toBe(2);
  });
});
