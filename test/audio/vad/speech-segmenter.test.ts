import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  FRAME_SAMPLES,
  SpeechSegmenter,
  type SpeechOptions,
  type SpeechSegment,
} from '#daemon/audio/vad/index.js';

import { fixtures, toSpeechOptions } from './vad-fixtures.js';

function segmentAll(probabilities: number[], audioSamples: number, options: SpeechOptions): SpeechSegment[] {
  const segmenter = new SpeechSegmenter(options);
  return [...segmenter.push(probabilities), ...segmenter.end(audioSamples)];
}

/** Runs of speech, uncertain frames and silence, so that long segments and pauses occur. */
const talk = fc
  .array(
    fc.tuple(
      fc.constantFrom(0.95, 0.5, 0.4, 0.2, 0),
      fc.integer({ min: 1, max: 40 }),
      fc.double({ min: 0, max: 0.1, noNaN: true }),
    ),
    { minLength: 1, maxLength: 30 },
  )
  .map((runs) => runs.flatMap(([level, frames, more]) => Array.from({ length: frames }, () => level + more)));

const someOptions: fc.Arbitrary<SpeechOptions> = fc.record({
  threshold: fc.constantFrom(0.5, 0.3, 0.9),
  minSpeechMs: fc.constantFrom(0, 100, 250),
  minSilenceMs: fc.constantFrom(0, 100, 500, 2000),
  speechPadMs: fc.constantFrom(0, 30, 77.7, 400),
  maxSpeechSeconds: fc.constantFrom(Infinity, 1, 2.5, 10),
});

describe('speech segments', () => {
  test('match the reference for synthetic probabilities and options', () => {
    for (const { probabilities, samples, options, segments: expected } of fixtures.synthetic) {
      const cut = segmentAll(probabilities, samples, toSpeechOptions(options));
      expect(cut.map(({ start, end }) => [start, end])).toEqual(expected);
    }
  });

  test('match the reference for its probabilities of clips', () => {
    for (const { probabilities, samples, cut } of fixtures.clips) {
      for (const { options, segments: expected } of cut) {
        const segments = segmentAll(probabilities, samples, toSpeechOptions(options));
        expect(segments.map(({ start, end }) => [start, end])).toEqual(expected);
      }
    }
  });

  test('are ordered, do not overlap and stay inside the audio', () => {
    fc.assert(
      fc.property(
        talk,
        someOptions,
        fc.integer({ min: 0, max: FRAME_SAMPLES - 1 }),
        (values, options, short) => {
          const audioSamples = values.length * FRAME_SAMPLES - short;
          let reached = 0;
          for (const { start, end } of segmentAll(values, audioSamples, options)) {
            expect(Number.isInteger(start) && Number.isInteger(end)).toBe(true);
            expect(start).toBeGreaterThanOrEqual(reached);
            expect(end).toBeGreaterThan(start);
            reached = end;
          }
          expect(reached).toBeLessThanOrEqual(audioSamples);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('are no longer than maxSpeechSeconds', () => {
    fc.assert(
      fc.property(talk, (values) => {
        const options = { maxSpeechSeconds: 3, minSilenceMs: 500, speechPadMs: 100 };
        for (const { start, end } of segmentAll(values, values.length * FRAME_SAMPLES, options))
          expect(end - start).toBeLessThanOrEqual(3 * 16_000 + FRAME_SAMPLES);
      }),
      { numRuns: 300 },
    );
  });

  test('do not depend on the chunks, and are final once returned', () => {
    fc.assert(
      fc.property(talk, someOptions, fc.array(fc.integer({ min: 0, max: 60 })), (values, options, sizes) => {
        const audioSamples = values.length * FRAME_SAMPLES;
        const segmenter = new SpeechSegmenter(options);
        const pieces: SpeechSegment[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(...segmenter.push(values.slice(at, at + size)));
          at += size;
        }
        pieces.push(...segmenter.push(values.slice(at)), ...segmenter.end(audioSamples));
        expect(pieces).toEqual(segmentAll(values, audioSamples, options));
      }),
      { numRuns: 300 },
    );
  });

  test('are returned as soon as they are final', () => {
    const segmenter = new SpeechSegmenter({ minSilenceMs: 96, speechPadMs: 32, minSpeechMs: 0 });
    const given = [1, 1, 1, 0, 0, 0, 0, 0].map((probability) => segmenter.push([probability]).length);
    // The fourth silent frame makes 96 ms of silence certain, after which nothing can come closer than the padding.
    expect(given).toEqual([0, 0, 0, 0, 0, 0, 1, 0]);
    expect(segmenter.end()).toEqual([]);
  });

  test('are empty without probabilities', () => {
    const segmenter = new SpeechSegmenter();
    expect(segmenter.push([])).toEqual([]);
    expect(segmenter.end()).toEqual([]);
  });

  test('reach the end of the audio if speech does', () => {
    const segmenter = new SpeechSegmenter();
    expect(segmenter.push(new Float32Array(20).fill(1))).toEqual([]);
    expect(segmenter.end(20 * FRAME_SAMPLES - 100)).toEqual([{ start: 0, end: 20 * FRAME_SAMPLES - 100 }]);
  });
});
