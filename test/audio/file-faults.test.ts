/** Every error of the file system while an audio file is opened and read becomes a coded error of that file. */
import { mkdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { PositionedFile, type FileSystemCalls } from '#daemon/audio/positioned-file.js';
import { FILE_PROBLEMS, hintOf, isMissing, reasonOf } from '#daemon/protocol/file-errors.js';
import { scratch } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

const failure = (code: string): Error =>
  Object.assign(new Error(`${code}: words of the system`), { code, syscall: 'x' });

/** Opened file handles, and whether each was closed. */
const opened: { closed: boolean }[] = [];

async function openWatched(path: string, flags: number): Promise<FileHandle> {
  const handle = await open(path, flags);
  const state = { closed: false };
  opened.push(state);
  const close = handle.close.bind(handle);
  handle.close = () => {
    state.closed = true;
    return close();
  };
  return handle;
}

/** File system calls, one of which fails. */
const FAILING: Readonly<Record<string, (error: Error) => FileSystemCalls>> = {
  stat: (error) => ({ stat: () => Promise.reject(error), open: openWatched }),
  open: (error) => ({ stat, open: () => Promise.reject(error) }),
  fstat: (error) => ({
    stat,
    open: async (path, flags) =>
      Object.assign(await openWatched(path, flags), { stat: () => Promise.reject(error) }),
  }),
  read: (error) => ({
    stat,
    open: async (path, flags) =>
      Object.assign(await openWatched(path, flags), { read: () => Promise.reject(error) }),
  }),
};

async function readAll(path: string, calls: FileSystemCalls): Promise<number> {
  const source = await PositionedFile.open(path, undefined, calls);
  try {
    return (await source.read(0, 100)).length;
  } finally {
    await source.close();
  }
}

describe.each(Object.keys(FAILING))('%s', (call) => {
  test.each(FILE_PROBLEMS)('fails with %s', async (code) => {
    const path = files.write(`${call}-${code}.wav`, new Uint8Array(100));
    const before = opened.length;
    const error = failure(code);
    const reason = code === 'ENOENT' ? /^file not found: "[^"]+\.wav"$/ : reasonOf(error);
    await expect(readAll(path, FAILING[call]?.(error) as FileSystemCalls)).rejects.toMatchObject({
      name: 'SottoError',
      code: isMissing(error) ? 'AUDIO_NOT_FOUND' : 'AUDIO_UNREADABLE',
      message: expect.stringMatching(reason),
      hint: hintOf(error),
    });
    const openedByTest = opened.slice(before);
    expect(openedByTest).toHaveLength(call === 'fstat' || call === 'read' ? 1 : 0);
    expect(openedByTest.every(({ closed }) => closed)).toBe(true);
  });
});

describe('between the check and the open', () => {
  const afterStat = (change: () => void): FileSystemCalls => ({
    open: openWatched,
    stat: async (path) => {
      const stats = await stat(path);
      change();
      return stats;
    },
  });

  test('a deleted file is not found', async () => {
    const path = files.write('vanishes.wav', new Uint8Array(100));
    const calls = afterStat(() => unlinkSync(path));
    await expect(PositionedFile.open(path, undefined, calls)).rejects.toMatchObject({
      code: 'AUDIO_NOT_FOUND',
      message: expect.stringContaining('vanishes.wav'),
    });
  });

  test('a parent folder that becomes a file is reported', async () => {
    const folder = join(files.folder, 'above');
    mkdirSync(folder);
    const path = files.write('above/talk.wav', new Uint8Array(100));
    const calls = afterStat(() => {
      renameSync(folder, `${folder}-moved`);
      writeFileSync(folder, '');
    });
    await expect(PositionedFile.open(path, undefined, calls)).rejects.toMatchObject({
      code: 'AUDIO_NOT_FOUND',
      message: expect.stringContaining('part of its path is not a folder'),
    });
  });
});
