/** Transcription piece by piece with real VAD and real clips, and a decoder that knows the words. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { VoiceActivity } from '#daemon/audio/vad/index.js';
import { transcribePieces } from '#daemon/models/pieces/transcribe-pieces.js';
import type { TranscribeEvent, TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { clip, joined, samplesOf, streamOf } from '../model-fixtures.js';
import {
  CAPABILITIES,
  type PlacedWord,
  placeWords,
  RATE,
  spokenIn,
  ScriptedDecoder,
} from './scripted-pieces.js';

const never = new AbortController().signal;
const TEXT =
  'And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.';

let voice: VoiceActivity;
let speech: Float32Array; // 11 s
let words: PlacedWord[];

beforeAll(async () => {
  voice = await VoiceActivity.load();
  speech = await samplesOf(clip('jfk.flac') ?? '');
  words = placeWords(TEXT, spokenIn(voice, speech));
});
afterAll(() => voice.dispose());

const later = (seconds: number): PlacedWord[] =>
  words.map((word) => ({ ...word, start: word.start + seconds, end: word.end + seconds }));

async function run(
  decoder: ScriptedDecoder,
  samples: Float32Array,
  options: TranscribeOptions = {},
  signal = never,
): Promise<{ events: TranscribeEvent[]; result: TranscribeResult }> {
  const deps = { decoder, voice, capabilities: CAPABILITIES };
  const generator = transcribePieces(deps, streamOf(samples), options, signal);
  const events: TranscribeEvent[] = [];
  for (;;) {
    const step = await generator.next();
    if (step.done === true) return { events, result: step.value };
    events.push(step.value);
  }
}

const silence = (seconds: number): Float32Array => new Float32Array(seconds * RATE);

describe('the text', () => {
  test.each([3, 4, 6, 30])('no seam of pieces of up to %d s loses or repeats a word', async (maxSeconds) => {
    const samples = joined(speech, silence(0.4), speech, speech);
    const all = [...words, ...later(11.4), ...later(22.4)];
    for (const vad of [true, false]) {
      const decoder = new ScriptedDecoder(all, maxSeconds);
      const { result } = await run(decoder, samples, { vad });
      expect(result.text.trim()).toBe(all.map(({ text }) => text).join(' '));
      expect(decoder.pieces.length).toBeGreaterThanOrEqual(samples.length / RATE / maxSeconds);
    }
  });

  test('segments end at sentences, in order, and joined they are the text', async () => {
    const all = [...words, ...later(13)];
    const { result, events } = await run(new ScriptedDecoder(all), joined(speech, silence(2), speech));
    const { segments, text } = result;
    expect(segments.map((segment) => segment.text).join('')).toBe(text);
    expect(segments.filter((segment) => segment.text.endsWith('country.'))).toHaveLength(2);
    expect(events.flatMap((event) => (event.type === 'segment' ? [event.segment] : []))).toEqual(segments);
    for (const [i, { start, end, tokens = [] }] of segments.entries()) {
      expect(start).toBeGreaterThanOrEqual(segments[i - 1]?.end ?? 0);
      expect(end).toBeGreaterThan(start);
      expect(tokens.length).toBeGreaterThan(0);
    }
    expect(segments.flatMap(({ tokens = [] }) => tokens.filter((id) => id < 1000))).toEqual([
      ...words.keys(),
      ...Array.from(words.keys(), (id) => id + words.length),
    ]);
  });

  test('without timestamps each piece is one segment', async () => {
    const all = [...words, ...later(14)];
    const samples = joined(speech, silence(3), speech);
    const { result } = await run(new ScriptedDecoder(all), samples, { timestamps: false });
    expect(result.segments.map(({ text }) => text.trim())).toEqual([TEXT, TEXT]);
  });

  test('words have the times of the file, joined they are the text of their segment', async () => {
    const samples = joined(silence(5), speech);
    const { result } = await run(new ScriptedDecoder(later(5)), samples, { wordTimestamps: true });
    const timed = result.segments.flatMap((segment) => segment.words ?? []);
    expect(timed.map(({ word }) => word).join('')).toBe(` ${TEXT}`);
    for (const [i, { start, end, probability }] of timed.entries()) {
      expect(start).toBeCloseTo(later(5)[i]?.start ?? 0, 1);
      expect(end).toBeCloseTo(later(5)[i]?.end ?? 0, 1);
      expect(probability).toBeCloseTo(0.9);
    }
    for (const segment of result.segments) {
      expect([segment.start, segment.end]).toEqual([segment.words?.[0]?.start, segment.words?.at(-1)?.end]);
      expect(segment.confidence).toBeCloseTo(0.9);
    }
    expect((await run(new ScriptedDecoder(words), speech)).result.segments[0]).not.toHaveProperty('words');
  });

  test('token probabilities, when asked for', async () => {
    const { result } = await run(new ScriptedDecoder(words), speech, { tokenLogprobs: true });
    for (const { tokens = [], tokenLogprobs = [], tokenBytes = [], text } of result.segments) {
      expect(tokenLogprobs).toEqual(tokens.map(() => expect.closeTo(Math.log(0.9))));
      expect(tokenBytes.map((bytes) => Buffer.from(bytes, 'base64').toString()).join('')).toBe(text);
    }
  });
});

describe('events', () => {
  test('the language comes first, progress rises to the length of the audio', async () => {
    const samples = joined(silence(3), speech, silence(20));
    const { events, result } = await run(new ScriptedDecoder(later(3)), samples);
    expect(events[0]).toEqual({ type: 'language', language: 'en', probability: 1 });
    const progress = events.flatMap((event) => (event.type === 'progress' ? [event.seconds] : []));
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(samples.length / RATE);
    expect(result).toMatchObject({ language: 'en', durationSeconds: samples.length / RATE });
    expect(result.timings.encode).toBeGreaterThan(0);
    expect(result.timings.total).toBeGreaterThanOrEqual(result.timings.encode);
  });

  test('cancellation between and within pieces', async () => {
    for (const pieces of [0, 1, 2]) {
      const cancelled = new AbortController();
      const decoder = new ScriptedDecoder(words, 3);
      const generator = transcribePieces(
        { decoder, voice, capabilities: CAPABILITIES },
        streamOf(joined(speech, speech)),
        {},
        cancelled.signal,
      );
      if (pieces === 0) cancelled.abort();
      const consume = async (): Promise<void> => {
        for (;;) {
          if (decoder.pieces.length === pieces) cancelled.abort();
          if ((await generator.next()).done === true) return;
        }
      };
      await expect(consume()).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(decoder.pieces.length).toBeLessThanOrEqual(pieces + 1);
    }
  });

  test('an early end closes the audio', async () => {
    let closed = false;
    const samples = (async function* (): AsyncGenerator<Float32Array> {
      try {
        for (;;) yield await Promise.resolve(speech);
      } finally {
        closed = true;
      }
    })();
    const deps = { decoder: new ScriptedDecoder(words, 4), voice, capabilities: CAPABILITIES };
    for await (const event of transcribePieces(deps, { durationSeconds: undefined, samples }, {}, never)) {
      if (event.type === 'progress') break;
    }
    expect(closed).toBe(true);
  });
});

describe('without speech', () => {
  test.each<[string, () => Float32Array]>([
    ['no audio', () => silence(0)],
    ['less than a frame', () => silence(0.01)],
    ['digital silence', () => silence(40)],
    ['a hum', () => Float32Array.from({ length: 20 * RATE }, (_, i) => 0.3 * Math.sin(i / 50))],
  ])('nothing is decoded: %s', async (_, samples) => {
    const decoder = new ScriptedDecoder([{ text: 'Thanks.', start: 0, end: 1 }]);
    const { result } = await run(decoder, samples());
    expect([result.text, result.segments, decoder.pieces]).toEqual(['', [], []]);
    expect(result.durationSeconds).toBeCloseTo(samples().length / RATE);
  });

  test('without VAD silence is decoded too', async () => {
    const decoder = new ScriptedDecoder([{ text: 'Thanks.', start: 0, end: 1 }]);
    const { result } = await run(decoder, silence(3), { vad: false });
    expect(result.text).toBe(' Thanks.');
  });

  test('improbable text of uncertain speech is dropped', async () => {
    const short = speech.subarray(0, 1.5 * RATE).map((x) => x / 3);
    for (const [probability, text] of [
      [0.5, ''],
      [0.8, ' And'],
    ] as const) {
      const decoder = new ScriptedDecoder([{ text: 'And', start: 0.4, end: 0.8, probability }]);
      const doubtful: Pick<VoiceActivity, 'stream'> = {
        stream: () => {
          const stream = voice.stream();
          const doubt = (probabilities: Float32Array): Float32Array => probabilities.map((p) => 0.9 * p);
          return {
            push: (samples: Float32Array) => doubt(stream.push(samples)),
            flush: () => doubt(stream.flush()),
          } as unknown as ReturnType<VoiceActivity['stream']>;
        },
      };
      const deps = { decoder, voice: doubtful, capabilities: CAPABILITIES };
      const generator = transcribePieces(deps, streamOf(short), {}, never);
      let step = await generator.next();
      while (step.done !== true) step = await generator.next();
      expect(decoder.pieces.length).toBe(1);
      expect(step.value.text).toBe(text);
    }
  });
});

describe('options', () => {
  test.each<[TranscribeOptions, string]>([
    [{ task: 'translate' }, 'cannot translate'],
    [{ hotwords: ['Sotto'] }, 'hotwords'],
    [{ initialPrompt: 'A talk.' }, 'prompt'],
    [{ beamSize: 5 }, 'beam search'],
    [{ temperature: [0, 0.2] }, 'temperature'],
    [{ multilingual: true }, 'one language'],
    [{ language: 'de' }, 'does not support the language "de"'],
    [{ vad: { threshold: 0.3, negativeThreshold: 0.4 } }, 'VAD'],
  ])('%j is refused', async (options, message) => {
    const failed = await run(new ScriptedDecoder(words), speech, options).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(SottoError);
    expect(failed).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) });
  });

  test.each<TranscribeOptions>([
    { language: 'en-GB', task: 'transcribe', temperature: [0], beamSize: 1 },
    { language: 'English', hotwords: [], initialPrompt: ' ' },
  ])('%j is accepted', async (options) => {
    const { result } = await run(new ScriptedDecoder(words), speech, options);
    expect([result.text.trim(), result.language]).toEqual([TEXT, 'en']);
  });

  test('a model of several languages decodes without one', async () => {
    const decoder = new ScriptedDecoder(words);
    const capabilities = { ...CAPABILITIES, languages: ['en', 'de'], hotwords: true, prompt: true };
    const options = { hotwords: ['Sotto'], initialPrompt: 'A talk.', multilingual: true };
    const deps = { decoder, voice, capabilities };
    const generator = transcribePieces(deps, streamOf(speech), options, never);
    const { value } = await generator.next();
    expect(value).toMatchObject({ type: 'segment' });
    expect(decoder.contexts[0]?.language).toBeUndefined();
    await generator.return(undefined as never);
  });
});
