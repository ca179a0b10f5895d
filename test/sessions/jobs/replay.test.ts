import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Replay } from '#daemon/sessions/jobs/replay.js';
import type { Segment, TranscribeEvent } from '#daemon/protocol/transcription.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';

function event(segment: Segment): TranscribeEvent {
  return { type: 'segment', segment };
}

/** Texts that pass when a run breaks off after `cut` segments and the next one gives `second`. */
function twoRuns(first: Segment[], cut: number, second: Segment[]): string[] {
  const replay = new Replay();
  const received: string[] = [];
  const run = (segments: Segment[]): void => {
    for (const segment of segments) if (replay.admit(event(segment))) received.push(segment.text);
  };
  run(first.slice(0, cut));
  replay.restart();
  run(second);
  expect(replay.segments).toBe(received.length);
  return received;
}

describe('Replay', () => {
  test('passes each segment once, wherever the first run breaks off', () => {
    const segments = Array.from({ length: 6 }, (_, index) => scriptedSegment(index));
    for (let cut = 0; cut <= segments.length; cut++) {
      expect(twoRuns(segments, cut, segments)).toEqual(segments.map(({ text }) => text));
    }
  });

  test('keeps empty segments and equal segments in a row', () => {
    const same = [0, 1, 1, 2].map((at) => ({ ...scriptedSegment(0), start: at, end: at }));
    for (let cut = 0; cut <= same.length; cut++) expect(twoRuns(same, cut, same)).toHaveLength(same.length);
  });

  test('continues by time if the second run has another text', () => {
    const first = [0, 1, 2].map((index) => scriptedSegment(index));
    const second = [
      { ...scriptedSegment(0), text: 'other', start: 0, end: 1.4 },
      { ...scriptedSegment(1), text: 'words', start: 1.4, end: 2.2 },
      { ...scriptedSegment(2), text: 'then', start: 2.2, end: 3 },
    ];
    expect(twoRuns(first, 2, second)).toEqual([' segment 0', ' segment 1', 'then']);
  });

  test('never goes back in time, however the second run differs', () => {
    const times = fc.array(fc.double({ min: 0.1, max: 3, noNaN: true }), { minLength: 1, maxLength: 12 });
    const toSegments = (lengths: number[], tag: string): Segment[] => {
      let at = 0;
      return lengths.map((length, index) => {
        const segment = { ...scriptedSegment(index), text: `${tag}${index}`, start: at, end: at + length };
        at += length;
        return segment;
      });
    };
    fc.assert(
      fc.property(times, times, fc.nat(12), (a, b, cut) => {
        const first = toSegments(a, 'a');
        const second = toSegments(b, 'b');
        const received = twoRuns(first, cut, second);
        const kept = first.slice(0, cut).map(({ text }) => text);
        expect(received.slice(0, kept.length)).toEqual(kept);
        const rest = received
          .slice(kept.length)
          .map((text) => second.findIndex((segment) => segment.text === text));
        // The rest is one contiguous end of the second run.
        expect(rest).toEqual(rest.map((_, index) => second.length - rest.length + index));
      }),
    );
  });

  test('holds back language, progress and unfinished text until it is past the sent segments', () => {
    const replay = new Replay();
    const texts = (): boolean => replay.admit({ type: 'text', text: 'x' });
    expect(replay.admit({ type: 'language', language: 'en', probability: 1 })).toBe(true);
    expect(replay.admit(event(scriptedSegment(0)))).toBe(true);
    expect(replay.admit({ type: 'progress', seconds: 1 })).toBe(true);
    replay.restart();
    expect(replay.admit({ type: 'language', language: 'en', probability: 1 })).toBe(false);
    expect(texts()).toBe(false);
    expect(replay.admit(event(scriptedSegment(0)))).toBe(false);
    expect(replay.admit({ type: 'progress', seconds: 1 })).toBe(false);
    expect(texts()).toBe(true);
    expect(replay.admit({ type: 'progress', seconds: 1.5 })).toBe(true);
  });
});
