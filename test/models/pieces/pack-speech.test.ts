/** Packing speech into windows: every frame once, and every time maps back to the file. */
import { describe, expect, test } from '@jest/globals';
import {
  type AvailableSpeech,
  packNext,
  type PackedSpeech,
  placeInFile,
  type FrameSpan,
  spansInWindow,
} from '#daemon/models/pieces/pack-speech.js';
import { splitSentences } from '#daemon/models/text/sentences.js';

const CAPACITY = 3000;
const middle = (from: number, to: number): number => (from + to) >> 1;

/** Seeded pseudo-random numbers. */
function generator(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
}

/** Random speech with short pauses inside segments and silence between them. */
function speech(seed: number): { segments: FrameSpan[]; tight: FrameSpan[] } {
  const below = generator(seed);
  const segments: FrameSpan[] = [];
  const tight: FrameSpan[] = [];
  let at = below(500);
  const count = 1 + below(40);
  for (let i = 0; i < count; i++) {
    const start = at;
    const breaths = below(4) === 0 ? below(30) : below(4);
    for (let j = 0; j <= breaths; j++) {
      const end = at + 10 + below(400);
      tight.push({ start: at + 3, end: end - 3 });
      at = end + (j < breaths ? 10 + below(40) : 0);
    }
    segments.push({ start, end: at });
    at += below(5) === 0 ? 0 : below(8000);
  }
  return { segments, tight };
}

/** All windows of finished audio. */
function packAll(availableSpeech: Omit<AvailableSpeech, 'ended'>, quietest = middle): PackedSpeech[] {
  const windows: PackedSpeech[] = [];
  let { segments } = availableSpeech;
  for (;;) {
    const packing = packNext({ ...availableSpeech, segments, ended: true }, CAPACITY, quietest);
    if (packing === undefined) return windows;
    windows.push(packing.window);
    segments = segments.flatMap(({ start, end }) =>
      end > packing.end ? [{ start: Math.max(start, packing.end), end }] : [],
    );
  }
}

const framesOf = (spans: readonly FrameSpan[]): number[] =>
  spans.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));

describe('packing', () => {
  test.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'every frame of speech is in one window, in order (%d)',
    (seed) => {
      const availableSpeech = speech(seed);
      const windows = packAll(availableSpeech);
      expect(framesOf(windows.flatMap(({ pieces }) => pieces))).toEqual(framesOf(availableSpeech.segments));
      for (const { frames, pieces } of windows) {
        expect(frames).toBeLessThanOrEqual(CAPACITY);
        expect(framesOf(pieces)).toHaveLength(frames);
      }
    },
  );

  test.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'words are cut only without a pause for half a window (%d)',
    (seed) => {
      const availableSpeech = speech(seed);
      let hardCuts = 0;
      const ends = packAll(availableSpeech, (from, to) => {
        hardCuts++;
        return middle(from, to);
      }).map(({ pieces }) => pieces.at(-1)?.end ?? 0);
      const inWord = ends.filter((end) =>
        availableSpeech.tight.some((word) => word.start < end && end < word.end),
      );
      expect(inWord.length).toBeLessThanOrEqual(hardCuts);
    },
  );

  test.each(Array.from({ length: 8 }, (_, seed) => seed))(
    'frames of a window map back to the file (%d)',
    (seed) => {
      for (const window of packAll(speech(seed))) {
        const begins = Array.from({ length: window.frames }, (_, i) => placeInFile(window, i, true));
        expect(begins).toEqual(framesOf(window.pieces));
        const ends = Array.from({ length: window.frames }, (_, i) => placeInFile(window, i + 1, false) - 1);
        expect(ends).toEqual(framesOf(window.pieces));
        const whole = { start: 0, end: Infinity };
        expect(spansInWindow(window, [whole]).reduce((sum, { start, end }) => sum + end - start, 0)).toBe(
          window.frames,
        );
      }
    },
  );

  test('at a seam, starts map after it and ends before it', () => {
    const window = { pieces: [{ start: 100, end: 200 }, { start: 500, end: 600 }], frames: 200 }; // prettier-ignore
    expect([placeInFile(window, 100, true), placeInFile(window, 100, false)]).toEqual([500, 200]);
    expect([placeInFile(window, 0, true), placeInFile(window, 200, false)]).toEqual([100, 600]);
    expect([placeInFile(window, -5, true), placeInFile(window, 999, false)]).toEqual([100, 600]);
    expect(spansInWindow(window, [{ start: 150, end: 550 }])).toEqual([{ start: 50, end: 100 }, { start: 100, end: 150 }]); // prettier-ignore
  });

  test('overlong speech is cut in its longest pause', () => {
    const tight = [{ start: 5, end: 1600 }, { start: 1620, end: 2500 }, { start: 2590, end: 2900 }, { start: 2930, end: 4000 }]; // prettier-ignore
    const packing = packNext({ segments: [{ start: 0, end: 4005 }], tight, ended: true }, CAPACITY, middle);
    expect(packing?.end).toBe(2545);
  });

  test('without a pause, the window ends at the quietest place of its later half', () => {
    let range: number[] = [];
    const availableSpeech = {
      segments: [{ start: 1000, end: 9000 }],
      tight: [{ start: 1000, end: 9000 }],
      ended: false,
    };
    const packing = packNext(availableSpeech, CAPACITY, (from, to) => {
      range = [from, to];
      return 3210;
    });
    expect(packing?.end).toBe(3210);
    expect(range).toEqual([2500, 4000]);
  });

  test('waits for enough audio', () => {
    const segments = [{ start: 0, end: 1000 }, { start: 1200, end: 3300 }]; // prettier-ignore
    expect(packNext({ segments, tight: segments, ended: false }, CAPACITY, middle)).toBeUndefined();
    expect(packNext({ segments, tight: segments, ended: true }, CAPACITY, middle)).toBeDefined();
    expect(packNext({ segments: [], tight: [], ended: true }, CAPACITY, middle)).toBeUndefined();
  });
});

describe('sentences', () => {
  const wordsAt = (...words: [text: string, start: number, end: number][]) =>
    words.map(([text, start, end]) => ({ text, start, end }));
  const texts = (groups: { text: string }[][]): string[] =>
    groups.map((group) => group.map(({ text }) => text).join(''));

  test('a segment ends after a sentence and its closing quotation mark, not after "Mr."', () => {
    const words = wordsAt(
      [' "', 0, 0], ['Yes', 0, 0.4], [',', 0.4, 0.4], [' Mr', 0.5, 0.7], ['.', 0.7, 0.7], [' Hale', 0.95, 1], ['.', 1, 1], ['"', 1, 1],
      [' He', 1.4, 1.6], [' left', 1.6, 2], ['.', 2, 2],
    ); // prettier-ignore
    expect(texts(splitSentences(words))).toEqual([' "Yes, Mr. Hale."', ' He left.']);
  });

  test('a long pause ends a segment, and long segments are split without losing words', () => {
    const words = wordsAt(
      ...Array.from({ length: 60 }, (_, i): [string, number, number] => [
        ` w${i}`,
        i / 2 + (i > 10 ? 3 : 0),
        i / 2 + 0.4 + (i > 10 ? 3 : 0),
      ]),
    );
    const groups = splitSentences(words);
    expect(groups[0]).toHaveLength(11);
    expect(groups.flat()).toEqual(words);
    for (const group of groups)
      expect((group.at(-1)?.end ?? 0) - (group[0]?.start ?? 0)).toBeLessThanOrEqual(12);
  });
});
