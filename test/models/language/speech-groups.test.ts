import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cutBetween, groupSpeech, type SpeechGroup } from '#daemon/models/whisper/language/speech-groups.js';

/** Disjoint segments in order. */
const segments = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 3, max: 900 })), { maxLength: 30 })
  .map((lengths) => {
    let at = 0;
    return lengths.map(([pause, length]): SpeechGroup => {
      const start = at + pause;
      at = start + length;
      return { start, end: at };
    });
  });

describe('speech in groups', () => {
  test('covers all speech in order, from its start to its end', () => {
    fc.assert(
      fc.property(segments, (spoken) => {
        const groups = groupSpeech(spoken);
        expect(groups.length === 0).toBe(spoken.length === 0);
        const starts = new Set(spoken.map(({ start }) => start));
        const ends = new Set(spoken.map(({ end }) => end));
        for (const [i, { start, end }] of groups.entries()) {
          expect(starts.has(start) && ends.has(end) && start < end).toBe(true);
          expect(start).toBeGreaterThan(groups[i - 1]?.end ?? -1);
        }
        for (const { start, end } of spoken)
          expect(groups.some((group) => group.start <= start && end <= group.end)).toBe(true);
      }),
    );
  });

  test('has no group shorter than a second, unless it is the only one', () => {
    fc.assert(
      fc.property(segments, (spoken) => {
        const groups = groupSpeech(spoken);
        if (groups.length > 1)
          for (const { start, end } of groups) expect(end - start).toBeGreaterThanOrEqual(100);
      }),
    );
  });

  test('merges a single word with the nearer group and splits sentences at a breath', () => {
    const word = { start: 400, end: 440 };
    expect(groupSpeech([{ start: 0, end: 350 }, word, { start: 470, end: 900 }])).toEqual([
      { start: 0, end: 350 },
      { start: 400, end: 900 },
    ]);
    expect(groupSpeech([{ start: 0, end: 350 }, word, { start: 520, end: 900 }])).toEqual([
      { start: 0, end: 440 },
      { start: 520, end: 900 },
    ]);
    expect(
      groupSpeech([
        { start: 0, end: 200 },
        { start: 219, end: 400 },
      ]),
    ).toHaveLength(1);
    expect(
      groupSpeech([
        { start: 0, end: 200 },
        { start: 220, end: 400 },
      ]),
    ).toHaveLength(2);
  });

  test('cuts in the pause, shortly before the second group', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 2000 }), (end, pause) => {
        const cut = cutBetween({ start: 0, end }, { start: end + pause, end: end + pause + 100 });
        expect(cut).toBeGreaterThanOrEqual(end);
        expect(cut).toBeLessThan(end + pause);
        expect(end + pause - cut).toBeLessThanOrEqual(Math.max(30, 1));
        expect(Number.isInteger(cut)).toBe(true);
      }),
    );
  });
});
