/** Loop guards on clips, made of the repository's speech, that make the starter model repeat itself. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { loopAtEnd } from '#daemon/models/whisper/decode/loops.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { NON_SPEECH } from '#test/audio/vad/non-speech.js';
import { testUnless } from '#test/harness/skipping.js';
import { clip, realWeights, samplesOf, starterModel, streamOf, transcribed } from '../model-fixtures.js';
import type { WhisperEvent, WhisperResult } from '#daemon/models/whisper/whisper-options.js';

const RATE = 16_000;
const PLAIN: TranscribeOptions = { vad: false, temperature: [0], language: 'en' };
/** Turns the guards off. */
const UNGUARDED: TranscribeOptions = { ...PLAIN, whisper: { compressionRatioThreshold: 1000 } };

let model: WhisperModel;
let jfk: Float32Array;
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  jfk = await samplesOf(clip('jfk.flac') ?? '');
});
afterAll(() => {
  model.dispose();
});

/** Repeats a piece of speech. */
function repeated(from: number, to: number, seconds: number): Float32Array {
  const piece = jfk.slice(from * RATE, to * RATE);
  return Float32Array.from({ length: seconds * RATE }, (_, i) => piece[i % piece.length] ?? 0);
}

const tokensOf = ({ segments }: WhisperResult): number[] => segments.flatMap(({ tokens }) => tokens);
const isLooped = (result: WhisperResult): boolean =>
  loopAtEnd(tokensOf(result), model.deps.tokenizer.special.timestampBegin) !== undefined;

/** The longest intermediate text of a window, in words, and the result. */
async function watched(samples: Float32Array, options: TranscribeOptions, by = model) {
  const run = by.transcribe(streamOf(samples), options, new AbortController().signal);
  let longest = 0;
  const watch = (event: WhisperEvent): void => {
    if (event.type === 'text') longest = Math.max(longest, event.text.trim().split(/\s+/).length);
  };
  for (;;) {
    const { done, value } = await run.next();
    if (done === true) return { longest, result: value };
    watch(value);
  }
}

describe('half a second of speech for ten', () => {
  let samples: Float32Array;
  beforeAll(() => {
    samples = repeated(0.3, 0.9, 10); // "and so"
  });

  test('unguarded, the model repeats itself until it runs out of tokens', async () => {
    const result = await transcribed(model, samples, UNGUARDED);
    expect(tokensOf(result).length).toBeGreaterThanOrEqual(220);
    expect(isLooped(result)).toBe(true);
    expect(result.segments[0]?.details.whisper.compressionRatio).toBeGreaterThan(2.4); // caught by the compression guard
  });

  test('guarded, the loop is cut and kept once after the last attempt', async () => {
    const { longest, result } = await watched(samples, PLAIN);
    expect(longest).toBeLessThan(140); // 40 tokens, and those of ten seconds of speech
    expect(isLooped(result)).toBe(false);
    expect(result.text.toLowerCase()).toMatch(/and so/);
    expect(tokensOf(result).length).toBeLessThan(12);
    expect(result.segments[0]?.details.whisper.compressionRatio).toBeLessThan(2.4);
  });

  test('a higher temperature starts as soon as the loop is certain', async () => {
    const { longest, result } = await watched(samples, { ...PLAIN, temperature: [0, 1] });
    expect(longest).toBeLessThan(140);
    expect(isLooped(result)).toBe(false);
  });

  test('no n-gram of three tokens repeats with noRepeatNgram', async () => {
    const { timestampBegin } = model.deps.tokenizer.special;
    for (const search of [{}, { beamSize: 2 }]) {
      const result = await transcribed(model, samples, {
        ...UNGUARDED,
        ...search,
        timestamps: false,
        whisper: { ...UNGUARDED.whisper, noRepeatNgram: 3, maxTokens: 60 },
      });
      const textTokens = tokensOf(result).filter((token) => token < timestampBegin);
      const runs = textTokens.slice(2).map((_, i) => textTokens.slice(i, i + 3).join(' '));
      expect(textTokens.length).toBeGreaterThan(2);
      expect(new Set(runs).size).toBe(runs.length);
    }
  });

  test('a beam stops too', async () => {
    const { longest, result } = await watched(samples, { ...PLAIN, beamSize: 2 });
    expect(longest).toBeLessThan(140);
    expect(isLooped(result)).toBe(false);
  });
});

test('a looping prompt does not make the text loop', async () => {
  const initialPrompt = ' Thank you very much.'.repeat(30);
  const { text } = await transcribed(model, jfk, { ...PLAIN, initialPrompt });
  expect(text).toMatch(/ask what you can do for your country/);
});

test('guarded and unguarded speech have the same tokens', async () => {
  expect(tokensOf(await transcribed(model, jfk, PLAIN))).toEqual(
    tokensOf(await transcribed(model, jfk, UNGUARDED)),
  );
});

describe('music that makes tiny.en loop', () => {
  const weights = realWeights('tiny.en');
  testUnless('missing' in weights ? weights.missing : undefined)(
    'a flute: 224 tokens unguarded, stopped early, kept once',
    async () => {
      const tiny = await WhisperModel.load('dir' in weights ? weights.dir : '');
      try {
        const flute = NON_SPEECH.get('flute')?.(29) ?? new Float32Array(0);
        const { timestampBegin } = tiny.deps.tokenizer.special;
        const unguarded = await watched(
          flute,
          { ...UNGUARDED, whisper: { ...UNGUARDED.whisper, noSpeechThreshold: 1 } },
          tiny,
        );
        expect(tokensOf(unguarded.result).length).toBeGreaterThanOrEqual(220);
        expect(loopAtEnd(tokensOf(unguarded.result), timestampBegin)).toBeDefined();
        const guarded = await watched(flute, { ...PLAIN, whisper: { noSpeechThreshold: 1 } }, tiny);
        expect(loopAtEnd(tokensOf(guarded.result), timestampBegin)).toBeUndefined();
        expect((await watched(flute, {}, tiny)).result.text).toBe(''); // by default: no speech
      } finally {
        tiny.dispose();
      }
    },
  );
});
