import { isAbsolute, join, relative, sep } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseRepo, modelSource } from '#daemon/store/download/model-source.js';
import { isSafeName, safePath } from '#daemon/store/download/safe-path.js';

/** A million strings with SOTTO_FUZZ_RUNS=1000000; a few thousand in each run. */
const RUNS = Number(process.env.SOTTO_FUZZ_RUNS ?? 20_000);

/** Strings that have led out of folders before. */
const HOSTILE = [
  '..', '.', '/', '//', '\\', '\\\\', '~', '~root', '%2e%2e', '%2f', 'C:', 'c:', 'CON', 'aux.txt', 'nul', '\0', '\n', '\r',
  '\u202e', '\u200c', '\u2024', '\uff0e\uff0e', '\uff0f', '\u2215', '\u0301', '\ud800', '．．', 'e\u0301', 'ﬁ', 'İ', '..\u00a0',
  '.git', '.bashrc', '-rf', '$HOME', '`id`', ' ', '\t', 'a', 'model', '.safetensors', 'config.json', '...', '....', 'x'.repeat(300),
]; // prettier-ignore

const name = fc.oneof(
  fc.array(fc.constantFrom(...HOSTILE), { minLength: 0, maxLength: 8 }).map((parts) => parts.join('')),
  fc.array(fc.constantFrom(...HOSTILE), { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/')),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.webPath(),
);

describe('names from the Hub', () => {
  test('never lead out of the folder of the model', () => {
    const folder = '/models/.downloads/it/files';
    let accepted = 0;
    fc.assert(
      fc.property(name, (text) => {
        if (!isSafeName(text)) {
          let path: string;
          try {
            path = safePath(folder, text);
          } catch {
            return;
          }
          throw new Error(`${JSON.stringify(text)} led to ${path}`);
        }
        accepted++;
        const path = safePath(folder, text);
        const inside = relative(folder, path);
        if (
          isAbsolute(inside) ||
          inside === '' ||
          inside.split(sep).some((part) => part.startsWith('.') || part.length > 255) ||
          path !== join(folder, text) ||
          // Unique, also on file systems that fold names together.
          !/^[\x21-\x7e]+$/.test(inside) ||
          path.normalize('NFKC') !== path
        )
          throw new Error(`${JSON.stringify(text)} led to ${path}`);
      }),
      { numRuns: RUNS },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  test.each([
    'config.json',
    'model-00001-of-00002.safetensors',
    'a/b/c.txt',
    'tokenizer_config.json',
    'x+y.bin',
  ])('takes %s', (text) => expect(safePath('/m', text)).toBe(`/m/${text}`));
});

describe('a requested model', () => {
  test.each([
    ['openai/whisper-tiny', { repo: 'openai/whisper-tiny', name: 'whisper-tiny' }],
    ['a/b@main', { repo: 'a/b', name: 'b', revision: 'main' }],
    ['a/b.c_d-e@refs/pr/1', { repo: 'a/b.c_d-e', name: 'b.c_d-e', revision: 'refs/pr/1' }],
  ])('%s is a repository', (text, source) => expect(parseRepo(text)).toEqual(source));

  test.each([
    '',
    'a',
    '/',
    'a/',
    '/b',
    'a/b/c',
    '../b',
    'a/..',
    'a/b@',
    'a/b@../c',
    'a b/c',
    'a/b?c',
    'a--b/c',
    '.a/b',
    'ä/b',
  ])('%j is not one', (text) => expect(parseRepo(text)).toBeUndefined());

  test('a name of the catalogue means its pinned repository, with or without another revision', () => {
    const source = modelSource('turbo');
    expect(source).toMatchObject({
      repo: 'mlx-community/whisper-large-v3-turbo',
      name: 'whisper-large-v3-turbo',
    });
    expect(source.revision).toMatch(/^[0-9a-f]{40}$/);
    expect(modelSource('turbo@main').revision).toBe('main');
    expect(() => modelSource('nonsense')).toThrow(/unknown model/);
  });

  test('any input is a source or an error with a reason', () => {
    fc.assert(
      fc.property(name, (text) => {
        try {
          expect(modelSource(text).repo).toMatch(/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'MODEL_NOT_FOUND' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
