/** The figures that users experience: written out, not read from the code. */
import { describe, expect, test } from '@jest/globals';
import { ProgressWatch } from '#daemon/supervisor/progress-watch.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

function setUp(work: 'none' | 'loading' | 'job' = 'job') {
  const clock = new VirtualClock();
  const seen = { stalls: [] as number[] };
  const now = { work };
  const watch = new ProgressWatch({
    clock,
    work: () => now.work,
    onStall: (stalledMs) => seen.stalls.push(stalledMs),
  });
  /** A ping is answered every five seconds. */
  const answer = (seconds: number, steps: (at: number) => number | undefined, waits = false): void => {
    for (let at = 5; at <= seconds; at += 5) {
      clock.advance(5000);
      watch.notePong(steps(at), waits);
    }
  };
  return { clock, seen, now, watch, answer };
}

describe('ProgressWatch', () => {
  test('detects after three minutes that a job computes nothing, though every ping is answered', () => {
    const { seen, answer } = setUp();
    answer(5, () => 7);
    answer(180, () => 7);
    expect(seen.stalls).toEqual([]);
    answer(5, () => 7);
    expect(seen.stalls).toEqual([185_000]);
  });

  test('judges an engine that counts no steps by its results', () => {
    const { seen, watch, answer } = setUp();
    for (let n = 0; n < 20; n++) {
      answer(170, () => undefined);
      watch.noteProgress();
    }
    expect(seen.stalls).toEqual([]);
    answer(185, () => undefined);
    expect(seen.stalls).toHaveLength(1);
  });

  test('accepts the slowest steps, one in two and a half minutes, for a day', () => {
    const { seen, answer } = setUp();
    for (let step = 0; step < 576; step++) answer(150, () => step);
    expect(seen.stalls).toEqual([]);
  });

  test('expects nothing from an idle engine, and gives a job three minutes from its start', () => {
    const { seen, now, watch, answer } = setUp('none');
    answer(36_000, () => 7);
    now.work = 'job';
    watch.noteStart();
    answer(175, () => 7);
    expect(seen.stalls).toEqual([]);
    expect(watch.lastProgressMs).toBe(5000);
    answer(15, () => 7);
    expect(seen.stalls).not.toEqual([]);
  });

  test('allows five minutes for a step while a model loads', () => {
    const { seen, answer } = setUp('loading');
    answer(300, () => 7);
    expect(seen.stalls).toEqual([]);
    answer(10, () => 7);
    expect(seen.stalls).not.toEqual([]);
  });

  test('waits for memory that a dictation uses, for hours', () => {
    const { seen, answer } = setUp('loading');
    answer(7200, () => 7, true);
    expect(seen.stalls).toEqual([]);
    answer(310, () => 7);
    expect(seen.stalls).not.toEqual([]);
  });

  test('does not take a sleep of the machine for a stall', () => {
    const { clock, seen, watch, answer } = setUp();
    for (let night = 0; night < 50; night++) {
      clock.jump(8 * 3_600_000);
      watch.notePong(7);
      answer(100, () => 7);
    }
    expect(seen.stalls).toEqual([]);
  });
});
