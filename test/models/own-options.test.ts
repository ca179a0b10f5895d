/** Options that only one family has stand under its name. */
import { expect, test } from '@jest/globals';
import { ownOptions } from '#daemon/models/own-options.js';
import { whisperOptionsSchema } from '#daemon/models/whisper/whisper-options.js';
import {
  commonOptionsSchema,
  transcribeOptionsSchema,
  type TranscribeOptions,
} from '#daemon/protocol/transcription.js';
import * as v from 'valibot';

const own = (options: TranscribeOptions) =>
  ownOptions(options, commonOptionsSchema, { name: 'whisper', schema: whisperOptionsSchema });

test('a family gets its own options, and none if there are none', () => {
  expect(own({ language: 'en', beamSize: 5, whisper: { patience: 2, prefix: '' } })).toEqual({
    patience: 2,
    prefix: '',
  });
  expect(own({ language: 'en' })).toEqual({});
});

test('the options of another family are refused', () => {
  const options = { parakeet: { beam: 'maes' } } as TranscribeOptions;
  expect(() => own(options)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: 'the options of parakeet don’t fit a whisper model',
      hint: 'omit them, or choose a parakeet model',
    }),
  );
});

test('an option that stands at the top by mistake is named', () => {
  expect(() => own({ language: 'en', patience: 2 } as TranscribeOptions)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: 'there is no option patience',
      hint: 'options that only whisper models have stand under `whisper`',
    }),
  );
});

test.each([
  [{ patience: 'much' }, /^whisper\.patience: /],
  [{ patience: 11 }, /^whisper\.patience: /],
  [{ loudness: 3 }, /^whisper\.loudness: /],
  [{ suppressTokens: [1, -1] }, /^whisper\.suppressTokens\.1: /],
])('%j is refused with the name of the option', (whisper, message) => {
  const options = { whisper } as TranscribeOptions;
  expect(() => own(options)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) as unknown }),
  );
});

test('a message carries options of any family, but no other unknown field', () => {
  const sent = {
    language: 'en',
    whisper: { patience: 2 },
    other: { deep: [1] },
    patience: 2,
    list: [1],
    nothing: null,
  };
  expect(v.parse(transcribeOptionsSchema, sent)).toEqual({
    language: 'en',
    whisper: { patience: 2 },
    other: { deep: [1] },
  });
  expect(v.safeParse(transcribeOptionsSchema, { language: 7 }).success).toBe(false);
});
