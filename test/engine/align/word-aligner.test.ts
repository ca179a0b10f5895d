/** Word times of a second model, on audio whose word times are known. */
import { describe, expect, test } from '@jest/globals';
import { HeldAudio } from '#daemon/engine/align/held-audio.js';
import { asAligner, WordAligner } from '#daemon/engine/align/word-aligner.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { Segment, Word } from '#daemon/protocol/transcription.js';
import { seededRandom } from '#test/harness/seeded-random.js';
import { TickingModel } from '../with-engine-host.js';
import {
  endOf,
  LetterAligner,
  recognized,
  roughSegment,
  spokenAudio,
  type SpokenWord,
} from './spoken-letters.js';

interface Aligned {
  readonly segments: Segment[];
  readonly words: Word[];
  readonly counts: WordAligner['counts'];
  /** Most audio that was held. */
  readonly maxHeldSeconds: number;
}

async function aligned(
  spoken: readonly SpokenWord[],
  seconds: number,
  segments: readonly Segment[],
  { aligner = new LetterAligner(), language = 'en', windowSeconds = 30 } = {},
): Promise<Aligned> {
  const held = new HeldAudio(spokenAudio(spoken, seconds));
  const words = new WordAligner(asAligner(aligner), held, new AbortController().signal);
  const found: Segment[] = [];
  let maxHeld = 0;
  const events = words.align(recognized(held, segments, { language, windowSeconds }));
  for (;;) {
    const step = await events.next();
    if (step.done === true) break;
    maxHeld = Math.max(maxHeld, held.heldSamples);
    if (step.value.type === 'segment') found.push(step.value.segment);
  }
  return {
    segments: found,
    words: found.flatMap((segment) => segment.words ?? []),
    counts: words.counts,
    maxHeldSeconds: maxHeld / 16_000,
  };
}

const times = (words: readonly Word[]) => words.map(({ word, start, end }) => [word, start, end]);

/** Within a frame and a half of 20 ms, since audio is cut anywhere. */
function expectTruth(words: readonly Word[], spoken: readonly SpokenWord[]): void {
  expect(words.map(({ word }) => word)).toEqual(spoken.map(({ word }) => word));
  for (const [i, { start, end }] of words.entries()) {
    const real = spoken[i] ?? { word: '', start: NaN };
    expect(Math.abs(start - real.start)).toBeLessThan(0.031);
    expect(Math.abs(end - endOf(real))).toBeLessThan(0.031);
  }
}

const spokenWords: readonly SpokenWord[] = [
  { word: ' Hello', start: 1 },
  { word: ' there,', start: 1.6 },
  { word: ' world.', start: 4 },
];

test.each([-0.25, 0, 0.25])('words get their times from a recognizer that is %d s off', async (error) => {
  const { words, segments, counts } = await aligned(spokenWords, 10, [roughSegment(spokenWords, error)]);
  expectTruth(words, spokenWords);
  expect(words.map(({ probability }) => probability)).toEqual([0.5, 0.5, 0.5]);
  expect([segments[0]?.start, segments[0]?.end]).toEqual([words[0]?.start, words[2]?.end]);
  expect(counts).toEqual({ model: 'letters', aligned: 3, kept: 0 });
});

test('twenty minutes are aligned window by window, in bounded memory', async () => {
  const random = seededRandom(4);
  const minutes = 20;
  const spoken = Array.from({ length: minutes * 12 }, (_, i): SpokenWord => {
    const letters = Array.from({ length: 4 }, () => String.fromCharCode(97 + Math.floor(random() * 25)));
    return { word: ` ${letters.join('')}`, start: i * 5 + 0.2 };
  });
  const segments = spoken.map((word) => roughSegment([word], 0.2));
  const aligner = new LetterAligner();
  // Only the audio near a word is worth making.
  const near = (from: number) =>
    spoken.slice(Math.max(0, Math.floor(from / 5) - 1), Math.floor(from / 5) + 2);
  const audio = spokenAudio([], minutes * 60);
  const samples = (async function* () {
    let second = 0;
    for await (const chunk of audio.samples) {
      const shifted = near(second).map(({ word, start }) => ({ word, start: start - second }));
      for await (const spokenChunk of spokenAudio(shifted, 1).samples) chunk.set(spokenChunk);
      second += 1;
      yield chunk;
    }
  })();
  const held = new HeldAudio({ durationSeconds: minutes * 60, samples });
  const words = new WordAligner(asAligner(aligner), held, new AbortController().signal);
  const found: Word[] = [];
  let maxHeld = 0;
  for await (const event of words.align(recognized(held, segments))) {
    maxHeld = Math.max(maxHeld, held.heldSamples);
    if (event.type === 'segment') found.push(...(event.segment.words ?? []));
  }
  expectTruth(found, spoken);
  expect(maxHeld / 16_000).toBeLessThanOrEqual(62);
  for (const { seconds } of aligner.calls) expect(seconds).toBeLessThanOrEqual(31);
  expect(aligner.calls.length).toBe(40);
});

test('segments of a window are aligned together, each with its words', async () => {
  const aligner = new LetterAligner();
  const segments = [roughSegment(spokenWords.slice(0, 1), 0.2), roughSegment(spokenWords.slice(1), -0.2)];
  const { segments: found } = await aligned(spokenWords, 10, segments, { aligner });
  expect(aligner.calls).toHaveLength(1);
  expect(found.map(({ text }) => text)).toEqual([' Hello', ' there, world.']);
  expectTruth(
    found.flatMap((segment) => segment.words ?? []),
    spokenWords,
  );
});

test('a recognizer without word times gets words', async () => {
  const { words: _, ...plain } = roughSegment(spokenWords, 0);
  const { words } = await aligned(spokenWords, 10, [plain]);
  expectTruth(words, spokenWords);
});

describe('the times of the recognizer stay', () => {
  test('for a word without letters, between its neighbors', async () => {
    const spoken = [spokenWords[0], { word: ' 42', start: 1.6 }, spokenWords[2]].filter(
      (word) => word !== undefined,
    );
    const segment = roughSegment(spoken, 0.1);
    const { words, counts } = await aligned(spoken, 10, [segment]);
    expect(times(words)[1]).toEqual([' 42', 1.7, 1.8]);
    expect(counts).toEqual({ model: 'letters', aligned: 2, kept: 1 });
    // Too early: it must not begin before the word in front of it ends.
    const early = segment.words?.map((word) =>
      word.word === ' 42' ? { ...word, start: 1.1, end: 1.4 } : word,
    );
    const clamped = (await aligned(spoken, 10, [{ ...segment, words: early ?? [] }])).words;
    expect([clamped[1]?.start, clamped[1]?.end]).toEqual([clamped[0]?.end, 1.4]);
  });

  test('for a language that the aligner does not have', async () => {
    const segment = roughSegment(spokenWords, 0.2);
    const aligner = new LetterAligner();
    const { segments, counts } = await aligned(spokenWords, 10, [segment], { aligner, language: 'de' });
    expect(segments).toEqual([segment]);
    expect(counts).toEqual({ model: 'letters', aligned: 0, kept: 3 });
    expect(aligner.calls).toEqual([]);
  });

  test('for a segment in other letters, not for the one beside it', async () => {
    const russian = roughSegment([{ word: ' привет', start: 6 }], 0, 'ru');
    const { segments, counts } = await aligned(
      spokenWords,
      10,
      [roughSegment(spokenWords, 0.2, 'en'), russian],
      {
        aligner: new LetterAligner([]),
      },
    );
    expect(segments[0]?.start).toBeCloseTo(1, 1);
    expect(segments[1]).toEqual(russian);
    expect(counts).toEqual({ model: 'letters', aligned: 3, kept: 1 });
  });

  test('for text that is longer than its audio, not for the segment beside it', async () => {
    const word = { word: ` ${'abcdefghij'.repeat(60)}`, start: 8, end: 9, probability: 0.5 };
    const long = { start: 8, end: 9, text: word.word, words: [word] };
    const { segments, counts } = await aligned(spokenWords, 10, [roughSegment(spokenWords, 0.2), long]);
    expect(segments[0]?.start).toBeCloseTo(1, 1);
    expect(segments[1]).toEqual(long);
    expect(counts).toEqual({ model: 'letters', aligned: 3, kept: 1 });
  });
});

test('the aligner is told the language that it shares with the text', async () => {
  const aligner = new LetterAligner(['de', 'en']);
  await aligned(spokenWords, 10, [roughSegment(spokenWords, 0)], { aligner, language: 'de' });
  await aligned(spokenWords, 10, [roughSegment(spokenWords, 0, 'en')], { aligner, language: 'de' });
  await aligned(spokenWords, 10, [roughSegment(spokenWords, 0)], { aligner, language: 'und' });
  expect(aligner.calls.map(({ language }) => language)).toEqual(['de', 'en', undefined]);
});

test('a model that does not align is refused, and its own faults end the job', async () => {
  expect(() => asAligner(new TickingModel('m', 1))).toThrow(
    expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }),
  );
  const broken = new LetterAligner();
  broken.align = () => Promise.reject(new SottoError('ENGINE_CRASHED', 'NaN'));
  await expect(
    aligned(spokenWords, 10, [roughSegment(spokenWords, 0)], { aligner: broken }),
  ).rejects.toMatchObject({
    code: 'ENGINE_CRASHED',
  });
});

describe('held audio', () => {
  test('gives what a reader has passed, until it is dropped', async () => {
    const source = (async function* () {
      for (let i = 0; i < 4; i++) yield await Promise.resolve(new Float32Array(16_000).fill(i));
    })();
    const held = new HeldAudio({ durationSeconds: 4, samples: source });
    const reader = held.samples[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) await reader.next();
    const middle = held.slice(0.5, 2.25);
    expect(middle?.start).toBe(0.5);
    expect([middle?.samples.length, middle?.samples[0], middle?.samples.at(-1)]).toEqual([28_000, 0, 2]);
    held.dropBefore(1.5);
    expect(held.heldSamples).toBe(32_000);
    expect(held.slice(0.5, 2)).toBeUndefined();
    expect(held.slice(1, 99)?.samples.length).toBe(32_000);
  });
});
