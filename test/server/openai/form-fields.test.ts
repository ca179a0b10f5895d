import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LANGUAGES } from '#daemon/models/whisper/language/whisper-languages.js';
import { SottoError } from '#daemon/protocol/errors.js';
import {
  isModelId,
  isOpenaiName,
  parseFields,
  transcriptionFieldsSchema,
  type TranscriptionFields,
} from '#daemon/protocol/openai.js';
import { languageName } from '#daemon/server/openai/language-name.js';

function parsed(fields: Record<string, readonly string[]>): TranscriptionFields {
  return parseFields(transcriptionFieldsSchema, new Map(Object.entries({ model: ['m'], ...fields })));
}

describe('the fields of a form', () => {
  test.each<[string, Record<string, string[]>, Partial<TranscriptionFields>]>([
    ['a number', { temperature: ['0.5'] }, { temperature: 0.5 }],
    ['a number without its zero', { temperature: ['.5'] }, { temperature: 0.5 }],
    ['a number with an exponent', { temperature: ['5e-1'] }, { temperature: 0.5 }],
    ['Python’s booleans', { stream: ['True'], vad: ['False'] }, { stream: true, vad: false }],
    ['booleans as digits', { stream: ['1'], vad: ['0'] }, { stream: true, vad: false }],
    ['empty ones', { language: [''], temperature: [''], stream: [''], 'include[]': [''], prompt: [''] }, {}],
    ['one item', { include: ['logprobs'] }, { 'include[]': ['logprobs'] }],
    ['an item with a comma, in brackets', { 'keywords[]': ['a, b'] }, { 'keywords[]': ['a, b'] }],
    ['both spellings', { 'keywords[]': ['a'], keywords: ['b', 'c'] }, { 'keywords[]': ['a', 'b', 'c'] }],
    ['almost JSON', { keywords: ['[a, b'] }, { 'keywords[]': ['[a', 'b'] }],
    ['text with digits', { language: ['42'] }, { language: '42' }],
    ['unknown names', { constructor: ['x'], __proto__: ['x'], toString: ['x'] }, {}],
  ])('%s', (_, fields, expected) => {
    expect(parsed(fields)).toEqual({ model: 'm', ...expected });
  });

  test.each<[string, Record<string, string[]>]>([
    ['temperature', { temperature: ['0x1'] }],
    ['temperature', { temperature: ['Infinity'] }],
    ['temperature', { temperature: ['1e999'] }],
    ['temperature', { temperature: ['-0.1'] }],
    ['beam_size', { beam_size: ['1.5'] }],
    ['stream', { stream: ['yes'] }],
    ['include', { include: ['{"a":1}'] }],
    ['keywords', { keywords: ['[1, 2]'] }],
    ['language', { language: ['x'] }],
    ['model', { model: ['x'.repeat(201)] }],
  ])('an invalid %s is refused', (param, fields) => {
    let refusal: unknown;
    try {
      parsed(fields);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT', param });
  });

  test('with random values are accepted or refused', () => {
    const names = Object.keys(transcriptionFieldsSchema.entries).flatMap((name) => [
      name,
      name.replace('[]', ''),
    ]);
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom('[', '[]', 'null', '["word"]', ',', '1e400', '-'),
    );
    const form = fc.dictionary(fc.constantFrom(...names), fc.array(text, { maxLength: 3 }));
    fc.assert(
      fc.property(form, (fields) => {
        try {
          const { temperature = 0 } = parsed(fields);
          expect(temperature >= 0 && temperature <= 1).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(SottoError);
          expect((error as SottoError).param).toBeDefined();
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('names', () => {
  test('of languages are those of Whisper', () => {
    for (const [code, name] of Object.entries(LANGUAGES))
      expect([code, languageName(code)]).toEqual([code, name]);
    expect(['', 'x-nothing', 'German'].map(languageName)).toEqual(['', 'x-nothing', 'German']);
  });

  test.each([
    'whisper-1',
    'gpt-4o-transcribe',
    'gpt-4o-mini-transcribe',
    'gpt-transcribe',
    'gpt-4o-transcribe-diarize',
  ])('%s is an OpenAI model', (name) => expect(isOpenaiName(name)).toBe(true));

  test.each(['whisper-2', 'whisper-1x', 'gpt-4o', 'tts-1'])('%s is not an OpenAI model', (name) => {
    expect(isOpenaiName(name)).toBe(false);
  });

  test.each(['/m', '../m', '.', 'a/../b', 'a/b/c', 'a b', 'C:\\m', '~', 'a\0', ''])(
    '%j is not a model id',
    (name) => {
      expect(isModelId(name)).toBe(false);
    },
  );

  test.each(['base', 'whisper-base-6bit', 'mlx-community/whisper-tiny', 'a/b@main'])(
    '%j is a model id',
    (name) => {
      expect(isModelId(name)).toBe(true);
    },
  );
});
