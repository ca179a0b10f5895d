import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import { VOCABULARY_LIMITS } from '#daemon/protocol/vocabulary.js';
import { addEntries, removeEntries, replaceEntries } from '#daemon/store/vocabulary/vocabulary-changes.js';
import { NO_REVISION, VocabularyFile } from '#daemon/store/vocabulary/vocabulary-file.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';

let home: TempHome;
let path: string;
beforeEach(() => {
  home = tempHome();
  path = home.paths.vocabulary;
});
afterEach(() => home.remove());

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return SottoError.from(error).code;
  }
}

const add = (file: VocabularyFile, ...words: string[]) => file.change((now) => addEntries(now, { words }));

describe('the vocabulary file', () => {
  test('may be missing', () => {
    const file = new VocabularyFile(path);
    expect(file.read()).toEqual({ vocabulary: { words: [], replacements: [] }, revision: NO_REVISION });
    expect(existsSync(path)).toBe(false);
  });

  test('is readable by its user only, and formatted for people', async () => {
    await add(new VocabularyFile(path), 'Nguyen');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      version: 1,
      words: ['Nguyen'],
      replacements: [],
    });
  });

  test('a change by hand is noticed at once, and makes another revision', async () => {
    const file = new VocabularyFile(path);
    const { revision } = await add(file, 'Nguyen');
    writeFileSync(path, '{"words": ["Hopper", "hopper ", "  Grace\\t Hopper"]}');
    const now = file.read();
    expect(now.vocabulary).toEqual({ words: ['hopper', 'Grace Hopper'], replacements: [] });
    expect(now.revision).not.toBe(revision);
  });

  test('an unreadable file is reported, and not called invalid', () => {
    mkdirSync(path, { recursive: true });
    expect(() => new VocabularyFile(path).read()).toThrow(/can.t be read: it is a folder/);
    expect(() => new VocabularyFile(path).read()).not.toThrow(/is not valid/);
  });

  test('a file larger than any change could make it is invalid', () => {
    mkdirSync(dirname(path), { recursive: true });
    const replacements = Array.from({ length: 400 }, (_, i) => ({ from: `word ${i}`, to: 'x'.repeat(400) }));
    writeFileSync(path, JSON.stringify({ words: [], replacements }));
    expect(codeOf(() => new VocabularyFile(path).read())).toBe('VOCABULARY_CORRUPT');
    expect(() => new VocabularyFile(path).read()).toThrow(/is not valid/);
  });

  test('a change based on an old revision is refused', async () => {
    const [one, other] = [new VocabularyFile(path), new VocabularyFile(path)];
    const { revision } = await add(one, 'first');
    await add(other, 'second');
    await expect(
      one.change((now) => replaceEntries(now, { words: [], replacements: [] }), revision),
    ).rejects.toMatchObject({
      code: 'VOCABULARY_CHANGED',
    });
    expect(one.read().vocabulary.words).toEqual(['first', 'second']);
  });

  test('many concurrent changes are all kept', async () => {
    const words = Array.from({ length: 20 }, (_, i) => `word${i}`);
    await Promise.all(words.map((word) => add(new VocabularyFile(path), word)));
    expect(new Set(new VocabularyFile(path).read().vocabulary.words)).toEqual(new Set(words));
  });

  test.each([
    ['no JSON', '{"words": ['],
    ['a wrong field', '{"words": "Nguyen"}'],
    ['an empty word', '{"words": [""]}'],
    ['a replacement of nothing', '{"replacements": [{"to": "x"}]}'],
    ['of a newer version', '{"version": 2, "words": []}'],
  ])('an invalid file is reported, and never overwritten: %s', async (_what, text) => {
    writeFileSync(path, text);
    const file = new VocabularyFile(path);
    expect(codeOf(() => file.read())).toBe('VOCABULARY_CORRUPT');
    await expect(add(file, 'Nguyen')).rejects.toMatchObject({ code: 'VOCABULARY_CORRUPT' });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('a symbolic link stays one', async () => {
    const kept = join(home.folder, 'elsewhere');
    mkdirSync(kept);
    writeFileSync(join(kept, 'mine.json'), '{}');
    symlinkSync(join(kept, 'mine.json'), path);
    await add(new VocabularyFile(path), 'Nguyen');
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(kept, 'mine.json'), 'utf8')).toContain('Nguyen');
  });
});

describe('a change', () => {
  const before = { words: ['Nguyen', 'ComfyUI'], replacements: [{ from: 'sean', to: 'Shaun' }] };

  test('of an existing word replaces its spelling in place', () => {
    const { vocabulary, change } = addEntries(before, {
      words: ['NGUYEN', ' Ada  Lovelace '],
      replacements: [
        { from: 'Sean', to: 'Séan' },
        { from: 'US', to: 'United States' },
        { from: 'us', to: 'them' },
      ],
    });
    expect(vocabulary.words).toEqual(['NGUYEN', 'ComfyUI', 'Ada Lovelace']);
    expect(vocabulary.replacements.map(({ from }) => from)).toEqual(['Sean', 'US', 'us']);
    expect(change).toEqual({ added: 3, changed: 2, removed: 0 });
  });

  test('removes entries in any spelling', () => {
    expect(removeEntries(before, { words: ['comfyui', 'none'], replacements: ['SEAN '] })).toEqual({
      vocabulary: { words: ['Nguyen'], replacements: [] },
      change: { added: 0, changed: 0, removed: 2 },
    });
    const both = { words: [], replacements: ['US', 'us'].map((from) => ({ from, to: 'x' })) };
    expect(removeEntries(both, { replacements: ['US'] }).vocabulary.replacements).toEqual([
      { from: 'us', to: 'x' },
    ]);
  });

  test('that replaces everything counts the differences', () => {
    const now = { words: ['comfyUI'], replacements: [{ from: 'btw', to: 'by the way' }] };
    expect(replaceEntries(before, now).change).toEqual({ added: 1, changed: 1, removed: 2 });
  });

  test('keeps line breaks, and trims spaces', () => {
    const { vocabulary } = addEntries(before, { replacements: [{ from: ' new  line', to: ' \r\n ' }] });
    expect(vocabulary.replacements.at(-1)).toEqual({ from: 'new line', to: '\n' });
  });

  test('has limits, and names them', () => {
    const many = Array.from({ length: VOCABULARY_LIMITS.words + 1 }, (_, i) => `w${i}`);
    const long = 'x'.repeat(VOCABULARY_LIMITS.wordLength + 1);
    const heavy = Array.from({ length: 400 }, (_, i) => ({ from: `r${i}`, to: 'y'.repeat(400) }));
    for (const more of [{ words: many }, { words: [long] }, { replacements: heavy }]) {
      expect(codeOf(() => addEntries(before, more))).toBe('INVALID_ARGUMENT');
    }
  });
});
