import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TurnDetector, type TurnMark, type TurnSettings } from '#daemon/server/realtime/turn-detector.js';

const FRAME = 512;
const USUAL: TurnSettings = { threshold: 0.5, prefixSamples: 4_800, silenceSamples: 8_000 };

/** Runs of frames with the same probability. */
function listen(
  runs: readonly (readonly [frames: number, probability: number])[],
  settings = USUAL,
  from = 0,
): TurnMark[] {
  const detector = new TurnDetector(settings, from);
  return runs.flatMap(([frames, probability]) => detector.push(Array<number>(frames).fill(probability)));
}

describe('a turn', () => {
  test('starts shortly before its voice and ends after the configured silence', () => {
    expect(
      listen([
        [30, 0],
        [40, 0.9],
        [40, 0],
      ]),
    ).toEqual([
      { type: 'started', at: 30 * FRAME - 4_800 },
      { type: 'stopped', at: 70 * FRAME + 8_000 },
    ]);
  });

  test('continues during a shorter pause', () => {
    expect(
      listen([
        [10, 0.9],
        [14, 0],
        [10, 0.9],
      ]),
    ).toHaveLength(1);
    expect(
      listen([
        [10, 0.9],
        [16, 0],
        [10, 0.9],
      ]),
    ).toHaveLength(3);
  });

  test('never starts before the end of the previous one or before the stream', () => {
    const marks = listen(
      [
        [10, 0.9],
        [16, 0],
        [10, 0.9],
      ],
      USUAL,
      1_000,
    );
    expect(marks[0]?.at).toBe(1_000);
    expect(marks[2]?.at).toBe(marks[1]?.at);
  });

  test('is not started by a click or by two separate clicks', () => {
    expect(
      listen([
        [2, 0.9],
        [20, 0],
        [2, 0.9],
        [20, 0],
      ]),
    ).toEqual([]);
    expect(
      listen([
        [2, 0.9],
        [3, 0],
        [1, 0.9],
      ]),
    ).toHaveLength(1);
  });

  test('does not end while the probability fluctuates near the threshold', () => {
    expect(
      listen([
        [10, 0.9],
        [40, 0.4],
      ]),
    ).toHaveLength(1);
    expect(
      listen([
        [10, 0.9],
        [40, 0.3],
      ]),
    ).toHaveLength(2);
  });

  test('uses the configured threshold', () => {
    expect(listen([[20, 0.6]], { ...USUAL, threshold: 0.7 })).toEqual([]);
    expect(listen([[20, 0.8]], { ...USUAL, threshold: 0.7 })).toHaveLength(1);
  });

  test('starts and ends alternate, and an end is never before the processed position', () => {
    const runs = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 30 }), fc.double({ min: 0, max: 1, noNaN: true })),
    );
    const settings = fc.record({
      threshold: fc.double({ min: 0, max: 1, noNaN: true }),
      prefixSamples: fc.integer({ min: 0, max: 16_000 }),
      silenceSamples: fc.integer({ min: 0, max: 16_000 }),
    });
    fc.assert(
      fc.property(runs, settings, fc.integer({ min: 0, max: 10_000 }), (processed, set, from) => {
        const detector = new TurnDetector(set, from);
        let last = from;
        let speaking = false;
        for (const [frames, probability] of processed) {
          for (let i = 0; i < frames; i++) {
            const before = detector.processed;
            for (const { type, at } of detector.push([probability])) {
              expect(type).toBe(speaking ? 'stopped' : 'started');
              speaking = !speaking;
              expect(at).toBeGreaterThanOrEqual(last);
              expect(at).toBeLessThanOrEqual(detector.processed);
              if (type === 'stopped') expect(at).toBeGreaterThanOrEqual(before);
              last = at;
            }
            expect(detector.speaking).toBe(speaking);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
