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
    isLoading: () => loading,
  });
  return { clock, seen, watch };
}

describe('HangWatch', () => {
  test('detects silence once', () => {
    const { clock, seen } = setUp();
    clock.advance(SILENCE_TIMEOUT_MS + 2 * PING_INTERVAL_MS);
    clock.advance(10 * SILENCE_TIMEOUT_MS);
    expect(seen.hangs).toBe(1);
  });

  test('accepts an engine that sends something now and then, for a day', () => {
    const { clock, seen, watch } = setUp();
    for (let minute = 0; minute < 24 * 60; minute++) {
      clock.advance(59_000);
      watch.noteMessage();
      clock.advance(1_000);
    }
    expect(seen.hangs).toBe(0);
    expect(seen.pings).toBeGreaterThan(10_000);
  });

  test('does not take a sleep of the machine for a hang', () => {
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

  test('allows more time while a model loads', () => {
    const { clock, seen } = setUp(true);
    clock.advance(3 * SILENCE_TIMEOUT_MS);
    expect(seen.hangs).toBe(0);
  });

  test('pings every five seconds, and allows a minute of silence, five while a model loads', () => {
    const [idle, loads] = [setUp(), setUp(true)];
    idle.clock.advance(60_000);
    expect(idle.seen).toEqual({ pings: 12, hangs: 0 });
    idle.clock.advance(5_000);
    expect(idle.seen.hangs).toBe(1);
    loads.clock.advance(300_000);
    expect(loads.seen.hangs).toBe(0);
    loads.clock.advance(5_000);
    expect(loads.seen.hangs).toBe(1);
  });
});
