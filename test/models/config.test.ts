import { describe, expect, test } from '@jest/globals';

import { parseConfig } from '#daemon/models/whisper/config.js';
import { languageCode } from '#daemon/models/whisper/languages.js';

import { SIZES } from './sizes.js';

describe('config.json', () => {
  test.each([
    ['tiny.en', false, 99, 80],
    ['base', true, 99, 80],
    ['large-v2', true, 99, 80],
    ['large-v3', true, 100, 128],
    ['turbo', true, 100, 128],
    ['distil-large-v3', true, 100, 128],
  ] as const)('of %s tells languages and mel bands', (name, isMultilingual, numLanguages, nMels) => {
    expect(parseConfig(SIZES[name])).toMatchObject({ isMultilingual, numLanguages, nMels });
  });

  test('tells how weights are packed', () => {
    expect(parseConfig({ ...SIZES.base, quantization: { group_size: 64, bits: 6 } }).quantization).toEqual({
      groupSize: 64,
      bits: 6,
    });
    expect(parseConfig(SIZES.base).quantization).toBeUndefined();
  });

  test('may have fields that nobody reads', () => {
    expect(() => parseConfig({ ...SIZES.base, model_type: 'whisper', torch_dtype: 'float16' })).not.toThrow();
  });

  test.each([
    ['n_mels', { n_mels: 81 }],
    ['n_vocab', { n_vocab: 32_000 }],
    ['n_vocab', { n_vocab: 51_867 }],
    ['n_text_layer', { n_text_layer: 0 }],
    ['n_audio_ctx', { n_audio_ctx: '1500' }],
    ['n_audio_state', { n_audio_state: 500 }],
    ['n_text_state', { n_text_state: 384, n_text_head: 6 }],
    ['quantization.bits', { quantization: { group_size: 64, bits: 9 } }],
    ['model_type', { model_type: 'parakeet' }],
  ])('is refused, by name, for a wrong %s', (field, wrong) => {
    const read = () => parseConfig({ ...SIZES.base, ...wrong });
    expect(read).toThrow(field);
    expect(read).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });

  test.each([[null], ['whisper'], [[]], [{}]])('is refused if it is %j', (json) => {
    expect(() => parseConfig(json)).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });
});

describe('names of languages', () => {
  test.each([
    ['en', 'en'],
    [' German ', 'de'],
    ['pt-BR', 'pt'],
    ['zh_TW', 'zh'],
    ['Castilian', 'es'],
    ['mandarin', 'zh'],
    ['haitian creole', 'ht'],
    ['Cantonese', 'yue'],
    ['jv', 'jw'],
    ['nb-NO', 'no'],
  ])('%j is %s', (name, code) => expect(languageCode(name)).toBe(code));

  test.each(['', 'klingon', 'english-only', 'toString', '__proto__'])('%j is none', (name) => {
    expect(languageCode(name)).toBeUndefined();
  });
});
