import { describe, expect, test } from '@jest/globals';

import { mlxConfig, parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { languageCode } from '#daemon/models/whisper/language/whisper-languages.js';

import { SIZES } from '../model-sizes.js';

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

  test('has the quantization of the weights', () => {
    expect(parseConfig({ ...SIZES.base, quantization: { group_size: 64, bits: 6 } }).quantization).toEqual({
      groupSize: 64,
      bits: 6,
    });
    expect(parseConfig(SIZES.base).quantization).toBeUndefined();
  });

  test('may have unknown fields', () => {
    expect(() => parseConfig({ ...SIZES.base, model_type: 'whisper', torch_dtype: 'float16' })).not.toThrow();
  });

  test.each([
    ['n_mels', { n_mels: 81 }],
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

  test.each([32_000, 51_867])('rejects a vocabulary of %d tokens, which has no tokenizer', (nVocab) => {
    for (const json of [
      { ...SIZES.base, n_vocab: nVocab },
      { ...HUGGING_FACE, vocab_size: nVocab },
    ]) {
      expect(() => parseConfig(json)).toThrow(
        expect.objectContaining({
          code: 'TOKENIZER_FAILED',
          message: expect.stringContaining(String(nVocab)) as unknown,
        }),
      );
    }
  });

  test.each([[null], ['whisper'], [[]], [{}]])('rejects %j', (json) => {
    expect(() => parseConfig(json)).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });
});

/** `config.json` of openai/whisper-base, written by transformers. */
const HUGGING_FACE = {
  architectures: ['WhisperForConditionalGeneration'],
  model_type: 'whisper',
  activation_function: 'gelu',
  d_model: 512,
  encoder_layers: 6,
  encoder_attention_heads: 8,
  encoder_ffn_dim: 2048,
  decoder_layers: 6,
  decoder_attention_heads: 8,
  decoder_ffn_dim: 2048,
  max_source_positions: 1500,
  max_target_positions: 448,
  num_mel_bins: 80,
  scale_embedding: false,
  vocab_size: 51_865,
};

describe('config.json of Hugging Face', () => {
  test('gives the same config as that of mlx-community', () => {
    expect(parseConfig(HUGGING_FACE)).toEqual(parseConfig(SIZES.base));
  });

  test('survives mlxConfig, in the other layout', () => {
    const packed = parseConfig({
      ...HUGGING_FACE,
      quantization: { group_size: 32, bits: 8, mode: 'affine' },
    });
    expect(parseConfig(mlxConfig(packed))).toEqual(packed);
  });

  test.each([
    ['num_mel_bins', { num_mel_bins: 40 }],
    ['d_model', { encoder_attention_heads: 7 }],
    ['encoder_ffn_dim', { encoder_ffn_dim: 1024 }],
    ['activation_function', { activation_function: 'silu' }],
    ['scale_embedding', { scale_embedding: true }],
    ['tie_word_embeddings', { tie_word_embeddings: false }],
    ['quantization_config', { quantization_config: { quant_method: 'bitsandbytes', load_in_8bit: true } }],
    ['quantization.bits', { quantization: { group_size: 64, bits: 7 } }],
    ['quantization.mode', { quantization: { group_size: 32, bits: 4, mode: 'mxfp4' } }],
    ['decoder_layers', { decoder_layers: undefined }],
    ['model_type', { model_type: 'wav2vec2' }],
  ])('is refused, by name, for a wrong %s', (field, wrong) => {
    const read = () => parseConfig({ ...HUGGING_FACE, ...wrong });
    expect(read).toThrow(field);
    expect(read).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
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

  test.each(['', 'klingon', 'english-only', 'toString', '__proto__'])('%j is not one', (name) => {
    expect(languageCode(name)).toBeUndefined();
  });
});
