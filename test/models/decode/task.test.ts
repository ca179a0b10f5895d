import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { checkedTask } from '#daemon/models/whisper/task.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { clip, samplesOf, starterModel, transcribed } from '../model-fixtures.js';
import { SIZES } from '../model-sizes.js';

describe('translating', () => {
  const base = parseConfig(SIZES.base);
  const turbo = { ...base, nAudioLayer: 32, nTextLayer: 4 };
  const distilled = { ...base, nAudioLayer: 32, nTextLayer: 2 };

  test('works with models trained for it', () => {
    expect(checkedTask('translate', base)).toBe('translate');
    for (const config of [base, turbo, distilled])
      expect(checkedTask('transcribe', config)).toBe('transcribe');
  });

  test.each([
    ['turbo', turbo, /cannot translate/],
    ['a distilled model', distilled, /cannot translate/],
    ['an English model', { ...base, isMultilingual: false }, /only English/],
  ])('is rejected by %s, with a hint', (_, config, message) => {
    expect(() => checkedTask('translate', config)).toThrow(message);
    expect(() => checkedTask('translate', config)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

test('a window respects maxTokens and suppressTokens', async () => {
  const model = await WhisperModel.load(starterModel());
  const samples = await samplesOf(clip('jfk.flac') ?? '');
  const tokensOf = async (options: TranscribeOptions): Promise<number[]> => {
    const request = { temperature: [0], timestamps: false, vad: false, ...options };
    const { segments } = await transcribed(model, samples, request);
    return segments.flatMap(({ tokens }) => tokens);
  };
  const all = await tokensOf({});
  expect(all.length).toBeGreaterThan(15);
  expect(await tokensOf({ whisper: { maxTokens: 7 } })).toEqual(all.slice(0, 7));
  expect(await tokensOf({ whisper: { maxTokens: 7 }, beamSize: 2 })).toHaveLength(7);
  const forbidden = all[3] ?? 0;
  for (const beamSize of [1, 3]) {
    const without = await tokensOf({ whisper: { suppressTokens: [forbidden, 1_000_000] }, beamSize });
    expect(without).not.toContain(forbidden);
    expect(without.slice(0, 3)).toEqual(all.slice(0, 3));
  }
  model.dispose();
});
