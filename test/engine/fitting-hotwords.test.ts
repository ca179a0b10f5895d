import { expect, test } from '@jest/globals';
import { withFittingHotwords } from '#daemon/engine/fitting-hotwords.js';
import { RECOGNIZES } from '#test/harness/recognizer-capabilities.js';

const withHotwords = { capabilities: RECOGNIZES };
const without = { capabilities: { transcribe: { ...RECOGNIZES.transcribe, hotwords: false } } };
const words = ['Sotto'];

test('the vocabulary is left out for a model without hotwords', () => {
  const options = { language: 'en', hotwords: words, vocabulary: true };
  expect(withFittingHotwords(options, without)).toEqual({ language: 'en', vocabulary: true });
  expect(withFittingHotwords(options, withHotwords)).toBe(options);
});

test('hotwords of the request itself stay, for the model to refuse', () => {
  for (const options of [{ hotwords: words }, { hotwords: words, vocabulary: false }, {}]) {
    expect(withFittingHotwords(options, without)).toBe(options);
  }
});
