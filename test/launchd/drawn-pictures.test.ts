import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, root } from './release-modules.js';

const { drawnPictures, markDrawn } = await load('launchd/release/drawn-pictures.mjs');
const { refuseDrawnPictures } = await load('launchd/release/store.mjs');

describe('pictures for the Store', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'drawn-'));
    cpSync(join(root, 'extension/assets/icon.png'), join(folder, 'captured.png'));
    cpSync(join(root, 'extension/assets/icon.png'), join(folder, 'drawn.png'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('distinguishes a drawn picture from a captured one and keeps it valid', () => {
    const before = readFileSync(join(folder, 'drawn.png'));
    expect(drawnPictures(folder)).toEqual([]);
    markDrawn(join(folder, 'drawn.png'));
    expect(drawnPictures(folder)).toEqual(['drawn.png']);
    const after = readFileSync(join(folder, 'drawn.png'));
    expect(after.subarray(0, 33)).toEqual(before.subarray(0, 33));
    expect(after.subarray(-(before.length - 33))).toEqual(before.subarray(33));
    expect(after.includes('tEXt')).toBe(true);
  });

  test('refuses a drawn picture but not a captured one', () => {
    refuseDrawnPictures(folder);
    markDrawn(join(folder, 'drawn.png'));
    expect(() => refuseDrawnPictures(folder)).toThrow('1 pictures in extension/metadata are drawn');
  });

  test('refuses to mark a file that is not a PNG', () => {
    writeFileSync(join(folder, 'text.png'), 'not a picture');
    expect(() => markDrawn(join(folder, 'text.png'))).toThrow('is not a PNG file');
    expect(drawnPictures(folder)).toEqual([]);
  });

  test('finds the mark in the pictures of the README', () => {
    expect(drawnPictures(join(root, 'extension/media'))).toEqual([
      'dictate-actions.png',
      'dictate-live.png',
      'dictate.png',
      'menu-bar.png',
      'transcribe-file.png',
    ]);
  });
});
