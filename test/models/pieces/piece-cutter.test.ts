/** Pieces hold all speech exactly once, whatever the audio, the limit and the sizes of the chunks. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SpeechTrack } from '#daemon/audio/vad/index.js';
import { PieceCutter } from '#daemon/models/pieces/piece-cutter.js';
import type { SpeechPiece } from '#daemon/models/pieces/piece-decoder.js';
import { chunksOf, countingSamples, RATE, signVoice } from './scripted-pieces.js';

function cut(
  samples: Float32Array,
  maxSeconds: number,
  sizes: readonly number[],
  vad: boolean,
): SpeechPiece[] {
  const cutter = new PieceCutter(maxSeconds, vad ? new SpeechTrack(signVoice.stream()) : undefined);
  const pieces: SpeechPiece[] = [];
  for (const chunk of chunksOf(samples, sizes)) pieces.push(...cutter.push(chunk));
  pieces.push(...cutter.end());
  expect(cutter.secondsRead).toBe(samples.length / RATE);
  return pieces;
}

/** Whether the samples of a piece are those at its place. */
function holds(audio: Float32Array, { start, samples }: SpeechPiece): boolean {
  return samples.every((sample, i) => sample === audio[start + i]);
}

/** Speech that is long enough to count, and pauses of any length; frames of 32 ms. */
const turns = fc
  .array(fc.tuple(fc.integer({ min: 10, max: 400 }), fc.integer({ min: 1, max: 200 })), {
    minLength: 1,
    maxLength: 6,
  })
  .map((all) => all.flat());
const audio = fc.tuple(turns, fc.integer({ min: 0, max: 511 }));
const sizes = fc.array(fc.integer({ min: 500, max: 50_000 }), { minLength: 1, maxLength: 3 });
const limit = fc.integer({ min: 4, max: 12 });

test('no sample is in two pieces, and none of speech is in none', () => {
  fc.assert(
    fc.property(audio, sizes, limit, (parts, chunkSizes, maxSeconds) => {
      const samples = countingSamples(...parts);
      let previousEnd = 0;
      const isCovered = new Uint8Array(samples.length);
      for (const piece of cut(samples, maxSeconds, chunkSizes, true)) {
        expect(piece.start).toBeGreaterThanOrEqual(previousEnd);
        expect(piece.samples.length).toBeGreaterThan(0);
        expect(piece.samples.length).toBeLessThanOrEqual(maxSeconds * RATE);
        expect(holds(samples, piece)).toBe(true);
        previousEnd = piece.start + piece.samples.length;
        isCovered.fill(1, piece.start, previousEnd);
      }
      expect(samples.findIndex((sample, i) => sample > 0 && isCovered[i] === 0)).toBe(-1);
    }),
    { numRuns: 60 },
  );
});

test('the pieces don’t depend on the sizes of the chunks', () => {
  fc.assert(
    fc.property(audio, sizes, limit, fc.boolean(), (parts, chunkSizes, maxSeconds, vad) => {
      const samples = countingSamples(...parts);
      const [some, whole] = [chunkSizes, [samples.length]].map((sizes) =>
        cut(samples, maxSeconds, sizes, vad).map((piece) => {
          expect(holds(samples, piece)).toBe(true);
          return { ...piece, samples: piece.samples.length };
        }),
      );
      expect(some).toEqual(whole);
    }),
    { numRuns: 30 },
  );
});

test('without VAD the pieces are all of the audio', () => {
  fc.assert(
    fc.property(audio, sizes, limit, (parts, chunkSizes, maxSeconds) => {
      const samples = countingSamples(...parts);
      const pieces = cut(samples, maxSeconds, chunkSizes, false);
      let end = 0;
      for (const piece of pieces) {
        expect(piece.start).toBe(end);
        expect(piece.samples.length).toBeLessThanOrEqual(maxSeconds * RATE);
        expect([piece.spoken, piece.evidence]).toEqual([undefined, undefined]);
        end += piece.samples.length;
      }
      expect(end).toBe(samples.length);
    }),
    { numRuns: 30 },
  );
});

describe('where a piece ends', () => {
  test('speech that fits is one piece, up to the padding after it', () => {
    // 1 s of silence, 5 s of speech, a pause of 3 s, 2 s of speech.
    const pieces = cut(countingSamples([0, 31, 156, 94, 63, 100]), 8, [4000], true);
    expect(pieces.map(({ start, samples }) => [start / RATE, samples.length / RATE])).toEqual([
      [expect.closeTo(0.59, 1), expect.closeTo(5.8, 1)],
      [expect.closeTo(8.6, 1), expect.closeTo(2.8, 1)],
    ]);
    expect(pieces[0]?.spoken).toEqual([{ start: expect.closeTo(0.37, 1), end: expect.closeTo(5.4, 1) }]);
    expect(pieces[0]?.evidence).toEqual({ maxProbability: 1, seconds: expect.closeTo(5, 1) });
  });

  test('longer speech is cut in its pause', () => {
    // 6 s of speech, a pause of 0.3 s, 6 s of speech.
    const pieces = cut(countingSamples([187, 10, 187]), 10, [4000], true);
    expect(pieces.map(({ start }) => start / RATE)).toEqual([0, expect.closeTo(6.15, 1)]);
  });

  test('speech without a pause is cut at its quietest place', () => {
    const samples = Float32Array.from({ length: 12 * RATE }, (_, i) => 0.5 * Math.abs(Math.sin(i)) + 0.01);
    const quiet = 7 * RATE;
    for (let i = quiet - 2000; i < quiet + 2000; i++) samples[i] = 0.001;
    const [, second] = cut(samples, 10, [4000], true);
    expect((second?.start ?? 0) / RATE).toBeCloseTo(7, 1);
  });

  test('the padding after a cut is no piece', () => {
    // 10 s of speech: with padding it is longer than the limit, and the rest holds no speech.
    const pieces = cut(countingSamples([0, 31, 312, 200]), 10.5, [4000], true);
    const samples = countingSamples([0, 31, 312, 200]);
    const last = pieces.at(-1);
    expect(last && samples.subarray(last.start, last.start + last.samples.length).some((x) => x > 0)).toBe(
      true,
    );
  });
});

test('memory does not grow with silence or with speech', () => {
  const track = new SpeechTrack(signVoice.stream());
  const cutter = new PieceCutter(5, track);
  const chunk = countingSamples([40, 40, 40, 40]);
  let kept = 0;
  for (let i = 0; i < 100; i++) {
    for (const { samples } of cutter.push(i % 20 < 10 ? chunk : chunk.map((x) => -Math.abs(x)))) {
      kept += samples.length;
    }
  }
  expect(kept).toBeGreaterThan(0);
  expect(track.segmentsAfter(0).length).toBeLessThan(10);
  expect(track.tightSegments(0, Infinity).length).toBeLessThan(20);
});
