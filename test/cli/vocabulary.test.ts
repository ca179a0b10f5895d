/** `sotto vocabulary`, as it is typed. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { homeHere } from '#test/harness/home-here.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';

const home = homeHere();
const vocabulary = (...args: string[]): Promise<SottoResult> =>
  sotto(['vocabulary', ...args], { home: home.folder });

describe('sotto vocabulary', () => {
  test('says what to do where there is nothing yet, and makes no file', async () => {
    const { code, stdout, stderr } = await vocabulary();
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('sotto vocabulary add NAME');
    expect(existsSync(home.paths.vocabulary)).toBe(false);
  });

  test('words and replacements are added, listed and removed, without a daemon', async () => {
    expect((await vocabulary('add', 'Nguyen', 'Grace  Hopper')).stdout).toBe('2 added\n');
    expect((await vocabulary('replace', 'sean', 'Shaun')).stdout).toBe('1 added\n');
    expect((await vocabulary('replace', 'new line', '\\n')).stdout).toBe('1 added\n');
    expect((await vocabulary('replace', 'Sean', 'Séan')).stdout).toBe('1 changed\n');
    await vocabulary('replace', 'um', '');
    expect((await vocabulary('list')).stdout).toBe(
      'Words\n  Grace Hopper\n  Nguyen\n\nReplacements\n' +
        '  new line  → \\n\n  Sean      → Séan\n  um        → (left out)\n',
    );
    expect((await vocabulary('remove', 'nguyen', 'NEW LINE')).stdout).toBe('2 removed\n');
    expect(JSON.parse((await vocabulary('list', '--json')).stdout)).toEqual({
      words: ['Grace Hopper'],
      replacements: [
        { from: 'Sean', to: 'Séan' },
        { from: 'um', to: '' },
      ],
    });
    const none = await vocabulary('remove', 'nobody');
    expect([none.code, none.stderr]).toEqual([
      1,
      'sotto: there is no such word — `sotto vocabulary list` shows them\n',
    ]);
  });

  test('goes into a file and comes back; a file that is there is not written over', async () => {
    await vocabulary('add', 'Nguyen');
    await vocabulary('replace', 'btw', 'by the way');
    const file = join(home.folder, 'mine.csv');
    expect((await vocabulary('export', file)).stderr).toContain('1 word and 1 replacement written to');
    expect(readFileSync(file, 'utf8')).toBe('type,from,to\r\nword,Nguyen,\r\nreplacement,btw,by the way\r\n');
    const again = await vocabulary('export', file);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is there already')]);
    expect((await vocabulary('export')).stdout).toBe(readFileSync(home.paths.vocabulary, 'utf8'));
    writeFileSync(file, 'Hopper\n');
    expect((await vocabulary('import', file, '--replace')).stdout).toBe('1 added, 2 removed\n');
    expect((await vocabulary('list')).stdout).toBe('Words\n  Hopper\n');
  });

  test('a file that is broken, missing or of no use is said', async () => {
    expect(await vocabulary('import', join(home.folder, 'none.csv'))).toMatchObject({ code: 2 });
    const empty = join(home.folder, 'empty.txt');
    writeFileSync(empty, '\n');
    expect((await vocabulary('import', empty)).stderr).toContain('there is no word in');
    writeFileSync(home.paths.vocabulary, 'not JSON');
    const { code, stderr } = await vocabulary('add', 'x');
    expect(code).toBe(3);
    expect(stderr).toContain('vocabulary.json is not valid');
    expect(stderr).toContain('not written over');
  });
});
