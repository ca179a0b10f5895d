/** Clips that make the starter model repeat itself, made of the repository's own speech, and what the guards make of them. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { loopAtEnd } from '#daemon/models/whisper/decode/loops.js';
import type { TranscribeEvent, TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { NON_SPEECH } from '#test/audio/vad-non-speech.js';
import { testUnless } from '#test/harness/skipping.js';
import { clip, realWeights, samplesOf, starterModel, streamOf, transcribed } from '../fixtures.js';

const RATE = 16_000;
const PLAIN: TranscribeOptions = { vad: false, temperature: [0], language: 'en' };
/** Lets every repetition pass, as if nobody guarded. */
const UNGUARDED: TranscribeOptions = { ...PLAIN, compressionRatioThreshold: 1000 };

let model: WhisperModel;
let jfk: Float32Array;
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  jfk = await samplesOf(clip('jfk.flac') ?? '');
});
afterAll(() => {
  model.dispose();
});

/** A piece of speech over and over. */
function repeated(from: number, to: number, seconds: number): Float32Array {
  const piece = jfk.slice(from * RATE, to * RATE);
  return Float32Array.from({ length: seconds * RATE }, (_, i) => piece[i % piece.length] ?? 0);
}

const tokensOf = ({ segments }: TranscribeResult): number[] => segments.flatMap(({ tokens }) => tokens);
const isLooped = (result: TranscribeResult): boolean =>
  loopAtEnd(tokensOf(result), model.parts.tokenizer.special.timestampBegin) !== undefined;

/** The longest text of a window on the way, in words, and what came of it. */
async function watched(samples: Float32Array, options: TranscribeOptions, by = model) {
  const run = by.transcribe(streamOf(samples), options, new AbortController().signal);
  let longest = 0;
  const watch = (event: TranscribeEvent): void => {
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

  test('unguarded, the model says the same until it has no tokens left', async () => {
    const result = await transcribed(model, samples, UNGUARDED);
    expect(tokensOf(result).length).toBeGreaterThanOrEqual(220);
    expect(isLooped(result)).toBe(true);
    expect(result.segments[0]?.compressionRatio).toBeGreaterThan(2.4); // what the compression guard is for
  });

  test('guarded, the loop is cut short, and said once where no other try is left', async () => {
    const { longest, result } = await watched(samples, PLAIN);
    expect(longest).toBeLessThan(140); // 40 tokens, and as many as can be said in ten seconds
    expect(isLooped(result)).toBe(false);
    expect(result.text.toLowerCase()).toMatch(/and so/);
    expect(tokensOf(result).length).toBeLessThan(12);
    expect(result.segments[0]?.compressionRatio).toBeLessThan(2.4);
  });

  test('a warmer try is taken as soon as the loop is certain', async () => {
    const { longest, result } = await watched(samples, { ...PLAIN, temperature: [0, 1] });
    expect(longest).toBeLessThan(140);
    expect(isLooped(result)).toBe(false);
  });

  test('no run of three tokens comes twice where that is asked for', async () => {
    const { timestampBegin } = model.parts.tokenizer.special;
    for (const search of [{}, { beamSize: 2 }]) {
      const result = await transcribed(model, samples, {
        ...UNGUARDED,
        ...search,
        timestamps: false,
        noRepeatNgram: 3,
        maxTokens: 60,
      });
      const said = tokensOf(result).filter((token) => token < timestampBegin);
      const runs = said.slice(2).map((_, i) => said.slice(i, i + 3).join(' '));
      expect(said.length).toBeGreaterThan(2);
      expect(new Set(runs).size).toBe(runs.length);
    }
  });

  test('a beam is stopped as well', async () => {
    const { longest, result } = await watched(samples, { ...PLAIN, beamSize: 2 });
    expect(longest).toBeLessThan(140);
    expect(isLooped(result)).toBe(false);
  });
});

test('a prompt that loops does not make the text loop', async () => {
  const initialPrompt = ' Thank you very much.'.repeat(30);
  const { text } = await transcribed(model, jfk, { ...PLAIN, initialPrompt });
  expect(text).toMatch(/ask what you can do for your country/);
});

test('speech is as it was: guarded and unguarded are the same to the token', async () => {
  expect(tokensOf(await transcribed(model, jfk, PLAIN))).toEqual(
    tokensOf(await transcribed(model, jfk, UNGUARDED)),
  );
});

describe('music that makes tiny.en sing on', () => {
  const weights = realWeights('tiny.en');
  testUnless('missing' in weights ? weights.missing : undefined)(
    'a flute: 224 tokens unguarded, stopped early, said once',
    async () => {
      const tiny = await WhisperModel.load('dir' in weights ? weights.dir : '');
      try {
        const flute = NON_SPEECH.get('flute')?.(29) ?? new Float32Array(0);
        const { timestampBegin } = tiny.parts.tokenizer.special;
        const unguarded = await watched(flute, { ...UNGUARDED, noSpeechThreshold: 1 }, tiny);
        expect(tokensOf(unguarded.result).length).toBeGreaterThanOrEqual(220);
        expect(loopAtEnd(tokensOf(unguarded.result), timestampBegin)).toBeDefined();
        const guarded = await watched(flute, { ...PLAIN, noSpeechThreshold: 1 }, tiny);
        expect(loopAtEnd(tokensOf(guarded.result), timestampBegin)).toBeUndefined();
        expect((await watched(flute, {}, tiny)).result.text).toBe(''); // as it is by default: nobody speaks
      } finally {
        tiny.dispose();
      }
    },
  );
});
