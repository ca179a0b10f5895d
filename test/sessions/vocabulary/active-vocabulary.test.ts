import { describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { applyReplacements } from '#daemon/sessions/vocabulary/apply-replacements.js';
import { hotwordsFor, ActiveVocabulary } from '#daemon/sessions/vocabulary/active-vocabulary.js';
import type { StoredVocabulary } from '#daemon/store/vocabulary/vocabulary-file.js';

describe('hotwords', () => {
  const words = ['Nguyen', 'ComfyUI'];

  test('are those of the vocabulary, unless a request brings its own, even none, or opts out', () => {
    expect(hotwordsFor({}, words)).toEqual({ hotwords: words, vocabulary: true });
    expect(hotwordsFor({ hotwords: ['Hopper'] }, words)).toEqual({});
    expect(hotwordsFor({ hotwords: [] }, words)).toEqual({});
    expect(hotwordsFor({ vocabulary: false }, words)).toEqual({});
    expect(hotwordsFor({}, [])).toEqual({});
  });

  test('are not those that the prompt contains already', () => {
    expect(hotwordsFor({ initialPrompt: 'With comfyui, for art.' }, words)).toEqual({
      hotwords: ['Nguyen'],
      vocabulary: true,
    });
    expect(hotwordsFor({ initialPrompt: 'ComfyUI, NGUYEN' }, words)).toEqual({});
  });
});

describe('the active vocabulary', () => {
  test('is the latest readable one, with the reason if there is a newer one', () => {
    let kept: StoredVocabulary | SottoError = {
      vocabulary: { words: ['one'], replacements: [{ from: 'a', to: 'b' }] },
      revision: '1',
    };
    const inUse = new ActiveVocabulary(() => {
      if (kept instanceof SottoError) throw kept;
      return kept;
    }, silentLog);
    const first = inUse.current();
    expect([first.words, applyReplacements(first.replacer, 'a')]).toEqual([['one'], 'b']);
    expect(inUse.current().replacer).toBe(first.replacer);
    kept = new SottoError('VOCABULARY_CORRUPT', 'it is broken');
    expect(inUse.current()).toMatchObject({ words: ['one'], problem: kept });
    kept = { vocabulary: { words: ['two'], replacements: [] }, revision: '2' };
    expect(inUse.current()).toMatchObject({ words: ['two'] });
    expect(inUse.current().problem).toBeUndefined();
  });
});
