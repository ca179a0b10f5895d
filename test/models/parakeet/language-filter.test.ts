/** A model of several languages writes only the script of the language that the user names. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import { writablePieces } from '#daemon/models/text/script-pieces.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';

import { clip, samplesOf, streamOf } from '../model-fixtures.js';
import { europeanParakeetDir, LETTERS } from './european-parakeet.js';

const { signal } = new AbortController();

let samples: Float32Array;
let model: ParakeetModel;
beforeAll(async () => {
  samples = (await samplesOf(clip('jfk.flac') ?? '')).subarray(0, 48_000);
  model = await ParakeetModel.load(europeanParakeetDir());
});
afterAll(() => model.dispose());

async function transcribe(options: TranscribeOptions): Promise<TranscribeResult> {
  const events = model.transcribe(streamOf(samples), { vad: false, ...options }, signal);
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value;
  }
}

const scriptsOf = ({ text }: Pick<TranscribeResult, 'text'>): string[] =>
  LETTERS.filter((letter) => text.includes(letter));

test('pieces with letters of another script are not written', () => {
  const pieces = [
    '<unk>',
    '▁the',
    'ł',
    'Ð',
    'я',
    '▁Ω',
    ',',
    '42',
    '▁',
    'ß',
    '<0xD1>',
    '<0x41>',
    '<0xC5>',
    '<0xE2>',
  ];
  const found = (language: string): string[] => pieces.filter((_, i) => writablePieces(pieces, language)[i]);
  const always = ['<unk>', ',', '42', '▁'];
  expect(found('pl')).toEqual([
    '<unk>',
    '▁the',
    'ł',
    'Ð',
    ...always.slice(1),
    'ß',
    '<0x41>',
    '<0xC5>',
    '<0xE2>',
  ]);
  expect(found('uk')).toEqual(['<unk>', 'я', ...always.slice(1), '<0xD1>', '<0xE2>']);
  expect(found('el')).toEqual(['<unk>', '▁Ω', ...always.slice(1), '<0xE2>']);
  expect(writablePieces(['あ', 'ア', '亜', 'a', 'ー'], 'ja')).toEqual([true, true, true, false, true]);
});

test.each([{}, { parakeet: { head: 'ctc' } }] as const)(
  'a chosen language decides the script: %j',
  async (own) => {
    const free = await transcribe(own);
    expect(free.language).toBe('und');
    expect(scriptsOf(free).length).toBeGreaterThan(1);
    for (const [language, letter] of [
      ['pl', 'a'],
      ['bg', 'я'],
      ['el', 'ω'],
    ] as const) {
      const result = await transcribe({ ...own, language });
      expect(result.language).toBe(language);
      expect(scriptsOf(result)).toEqual([letter]);
    }
  },
);

test('live text has the script, too', async () => {
  const live = model.stream({ language: 'ru' });
  live.push(samples);
  const updates = [await live.update(signal), await live.finish(signal)];
  live.dispose();
  expect(updates.map(({ language }) => language)).toEqual(['ru', 'ru']);
  const words = updates.flatMap(({ committed }) => committed.map(({ word }) => word));
  expect(scriptsOf({ text: words.join('') })).toEqual(['я']);
});
