import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { VocabularyService } from '#daemon/sessions/vocabulary/vocabulary-service.js';
import { VocabularyFile } from '#daemon/store/vocabulary/vocabulary-file.js';

let folder: string;
let service: VocabularyService;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-words-'));
  service = new VocabularyService(new VocabularyFile(join(folder, 'vocabulary.json')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const replacement = { from: 'sean', to: 'Shaun' };

test('an export has the text, the vocabulary and its revision', async () => {
  await service.handle({ do: 'add', words: ['ComfyUI'], replacements: [replacement] });
  const kept = await service.handle({ do: 'get' });
  const json = await service.handle({ do: 'export', format: 'json' });
  expect(json).toEqual({ ...kept, text: expect.any(String) as unknown });
  expect(JSON.parse(json.text ?? '')).toMatchObject({ words: ['ComfyUI'], replacements: [replacement] });
  const csv = await service.handle({ do: 'export', format: 'csv' });
  expect(csv.text).toContain('sean,Shaun');
  expect(csv.revision).toBe(kept.revision);
});

test('an export can be imported, added to the vocabulary or replacing it', async () => {
  await service.handle({ do: 'add', words: ['ComfyUI'], replacements: [replacement] });
  const { text = '' } = await service.handle({ do: 'export', format: 'csv' });
  await service.handle({ do: 'remove', words: ['ComfyUI'], replacements: [replacement.from] });
  await service.handle({ do: 'add', words: ['Nguyen'] });
  expect((await service.handle({ do: 'import', text })).vocabulary.words).toEqual(['Nguyen', 'ComfyUI']);
  const alone = await service.handle({ do: 'import', text, replace: true });
  expect(alone.vocabulary).toEqual({ words: ['ComfyUI'], replacements: [replacement] });
});

test('refuses a change of another revision', async () => {
  const { revision } = await service.handle({ do: 'get' });
  await service.handle({ do: 'add', words: ['one'] });
  for (const change of [
    { do: 'add' as const, words: ['two'], revision },
    { do: 'remove' as const, words: ['one'], revision },
    { do: 'set' as const, vocabulary: { words: [], replacements: [] }, revision },
    { do: 'import' as const, text: 'two', revision },
  ])
    await expect(service.handle(change)).rejects.toMatchObject({ code: 'VOCABULARY_CHANGED' });
  expect((await service.handle({ do: 'get' })).vocabulary.words).toEqual(['one']);
});
