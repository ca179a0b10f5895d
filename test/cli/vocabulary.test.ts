/** `sotto vocabulary` as a real command. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { withHome } from '#test/harness/with-home.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';

const home = withHome();
const vocabulary = (...args: string[]): Promise<SottoResult> =>
  sotto(['vocabulary', ...args], { home: home.folder });

describe('sotto vocabulary', () => {
  test('prints a hint for an empty vocabulary and creates no file', async () => {
    const { code, stdout, stderr } = await vocabulary();
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('sotto vocabulary add NAME');
    expect(existsSync(home.paths.vocabulary)).toBe(false);
  });

  test('adds, lists and removes words and replacements without a daemon', async () => {
    expect((await vocabulary('add', 'Nguyen', 'Grace  Hopper')).stdout).toBe('2 added\n');
    expect((await vocabulary('replace', 'sean', 'Shaun')).stdout).toBe('1 added\n');
    expect((await vocabulary('replace', 'new line', '\\n')).stdout).toBe('1 added\n');
    expect((await vocabulary('replace', 'Sean', 'Séan')).stdout).toBe('1 changed\n');
    await vocabulary('replace', 'um', '');
    expect((await vocabulary('list')).stdout).toBe(
      'Words\n  Grace Hopper\n  Nguyen\n\nReplacements\n' +
        '  new line  → ⏎\n  Sean      → Séan\n  um        → (removed)\n',
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
      'sotto: not in your vocabulary — `sotto vocabulary list` shows it\n',
    ]);
  });

  test('exports to a new file and imports it again; never replaces a file', async () => {
    await vocabulary('add', 'Nguyen');
    await vocabulary('replace', 'btw', 'by the way');
    const file = join(home.folder, 'mine.csv');
    expect((await vocabulary('export', file)).stderr).toContain('1 word and 1 replacement saved to');
    expect(readFileSync(file, 'utf8')).toBe('type,from,to\r\nword,Nguyen,\r\nreplacement,btw,by the way\r\n');
    const again = await vocabulary('export', file);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('already exists')]);
    expect((await vocabulary('export')).stdout).toBe(readFileSync(home.paths.vocabulary, 'utf8'));
    writeFileSync(file, 'Hopper\n');
    expect((await vocabulary('import', file, '--replace')).stdout).toBe('1 added, 2 removed\n  Hopper\n');
    expect((await vocabulary('list')).stdout).toBe('Words\n  Hopper\n');
  });

  test.each([
    ['audio', Buffer.from('RIFF$\u0000\u0000\u0000WAVEfmt \u0010\u0000', 'latin1')],
    ['bytes that are no UTF-8', Buffer.from([0x48, 0x69, 0xff, 0xfe, 0x0a])],
    ['UTF-16', Buffer.from('Nguyen\n', 'utf16le')],
  ])('%s is not a vocabulary, and nothing is added', async (_what, bytes) => {
    const file = join(home.folder, 'words.txt');
    writeFileSync(file, bytes);
    const { code, stdout, stderr } = await vocabulary('import', file);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^sotto: .*(not text|not a UTF-8 text file).* — use JSON, CSV, or text with one word per line\n$/,
    );
    expect(existsSync(home.paths.vocabulary)).toBe(false);
  });

  test('an import lists the first new entries', async () => {
    const file = join(home.folder, 'words.csv');
    await vocabulary('add', 'Ada');
    writeFileSync(file, 'type,from,to\nword,Ada,\nword,Nguyen,\nreplacement,new line,\\n\nreplacement,um,\n');
    expect((await vocabulary('import', file)).stdout).toBe(
      '3 added\n  Nguyen\n  new line → ⏎\n  um → (removed)\n',
    );
    expect((await vocabulary('import', file)).stdout).toBe('no changes\n');
    const many = Array.from({ length: 30 }, (_, i) => `word${i}`);
    writeFileSync(file, many.join('\n'));
    const lines = (await vocabulary('import', file)).stdout.trimEnd().split('\n');
    expect([lines[0], lines.length, lines.at(-1)]).toEqual(['30 added', 22, '  … and 10 more']);
  });

  test('reports a broken, missing or unusable file', async () => {
    expect(await vocabulary('import', join(home.folder, 'none.csv'))).toMatchObject({ code: 2 });
    const empty = join(home.folder, 'empty.txt');
    writeFileSync(empty, '\n');
    expect((await vocabulary('import', empty)).stderr).toContain('contains no words');
    writeFileSync(home.paths.vocabulary, 'not JSON');
    const { code, stderr } = await vocabulary('add', 'x');
    expect(code).toBe(3);
    expect(stderr).toContain('vocabulary.json is not valid');
    expect(stderr).toContain('won’t overwrite it');
  });
});
