/** No path of one machine stands in the repository: it would lead nowhere anywhere else, and name an account. */
import { describe, expect, test } from '@jest/globals';
import { repositoryFiles, textOf } from './source-files.js';

/** Account names of examples and of tests of paths. */
const EXAMPLE_ACCOUNTS = new Set([
  'me',
  'mel',
  'me..x',
  'ann',
  'kim',
  'u',
  'you',
  'username.with.a.long.name',
]);

/** Not behind a letter, a dot, a brace or a slash: there it is a part of a longer path or of an address. */
const START = String.raw`(?<![\w.~)\]}$/-])`;
const ACCOUNT = new RegExp(String.raw`${START}/(?:home|Users)/([\w.-]+)`, 'g');
const OTHER = new RegExp(
  String.raw`${START}/(?:work/[\w.-]+|root/[\w.-]+|private/var/folders/\w+|workspaces?/\w+)|\b[A-Z]:\\\\?Users\\`,
  'g',
);

function machinePaths(text: string): string[] {
  const accounts = [...text.matchAll(ACCOUNT)].filter(([, name = '']) => !EXAMPLE_ACCOUNTS.has(name));
  return [...accounts, ...text.matchAll(OTHER)].map(([path]) => path);
}

describe('paths of one machine', () => {
  test('stand in no file of the repository', () => {
    // This file has to name them.
    const files = repositoryFiles().filter((name) => name !== 'test/law/machine-paths.test.ts');
    const texts = files.flatMap((name) => {
      const text = textOf(name);
      return text === undefined ? [] : [{ name, text }];
    });
    expect(texts.length).toBeGreaterThan(500);
    expect(texts.flatMap(({ name, text }) => machinePaths(text).map((path) => `${name}: ${path}`))).toEqual(
      [],
    );
  });

  test.each([
    `const FOLDER = '/work/shared/speech';`,
    `"model": "/home/builder/sotto/model"`,
    '`/Users/j.smith/Downloads/a.wav`',
    'see /root/notes.txt',
    `C:\\Users\\j`,
  ])('are found in %s', (text) => {
    expect(machinePaths(text)).toHaveLength(1);
  });

  test.each([
    '/Users/me/Downloads/talk.m4a',
    '/usr/lib, /etc/hosts and /tmp/x',
    '${folder}/work/a, ../work/b and https://x.org/home/b',
    '~/work/x',
  ])('are not %s', (text) => {
    expect(machinePaths(text)).toEqual([]);
  });
});
