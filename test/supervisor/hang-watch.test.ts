import { describe, expect, test } from '@jest/globals';
import { HangWatch, PING_INTERVAL_MS, SILENCE_TIMEOUT_MS } from '#daemon/supervisor/hang-watch.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

function setUp(loading = false) {
  const clock = new VirtualClock();
  const seen = { pings: 0, hangs: 0 };
  const watch = new HangWatch({
    clock,
    ping: () => (seen.pings += 1),
    onHang: () => (seen.hangs += 1),
    loading: () => loading,
  });
  return { clock, seen, watch };
}

describe('HangWatch', () => {
  test('notices silence once', () => {
    const { clock, seen } = setUp();
    clock.advance(SILENCE_TIMEOUT_MS + 2 * PING_INTERVAL_MS);
    clock.advance(10 * SILENCE_TIMEOUT_MS);
    expect(seen.hangs).toBe(1);
  });

  test('lets an engine live that says anything now and then, for a day', () => {
    const { clock, seen, watch } = setUp();
    for (let minute = 0; minute < 24 * 60; minute++) {
      clock.advance(59_000);
      watch.noteMessage();
      clock.advance(1_000);
    }
    expect(seen.hangs).toBe(0);
    expect(seen.pings).toBeGreaterThan(10_000);
  });

  test('takes no sleep of the machine for a hang', () => {
    const { clock, seen, watch } = setUp();
    for (let night = 0; night < 100; night++) {
      clock.jump(8 * 3_600_000);
      clock.advance(2 * PING_INTERVAL_MS);
      watch.noteMessage();
    }
    expect(seen.hangs).toBe(0);
    clock.advance(SILENCE_TIMEOUT_MS + 2 * PING_INTERVAL_MS);
    expect(seen.hangs).toBe(1);
  });

  test('is patient while a model loads', () => {
    const { clock, seen } = setUp(true);
    clock.advance(3 * SILENCE_TIMEOUT_MS);
    expect(seen.hangs).toBe(0);
  });

  test('is pinged every five seconds, and may be silent for a minute, or for five while a model loads', () => {
    const [calm, loads] = [setUp(), setUp(true)];
    calm.clock.advance(60_000);
    expect(calm.seen).toEqual({ pings: 12, hangs: 0 });
    calm.clock.advance(5_000);
    expect(calm.seen.hangs).toBe(1);
    loads.clock.advance(300_000);
    expect(loads.seen.hangs).toBe(0);
    loads.clock.advance(5_000);
    expect(loads.seen.hangs).toBe(1);
  });
});
