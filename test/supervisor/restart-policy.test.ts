import { describe, expect, test } from '@jest/globals';
import { BREAKER_WINDOW_MS, RestartPolicy } from '#daemon/supervisor/restart-policy.js';

describe('RestartPolicy', () => {
  test('doubles the delay each time, and stops at the fifth crash within three minutes', () => {
    const policy = new RestartPolicy();
    const delays = [0, 1, 2, 3, 4].map((second) => {
      const decision = policy.recordCrash(second * 1000);
      return decision.restart ? decision.delayMs : 'stop';
    });
    expect(delays).toEqual([500, 1000, 2000, 4000, 'stop']);
  });

  test('never waits longer than a minute, and starts over after a quiet time', () => {
    const policy = new RestartPolicy();
    let nowMs = 0;
    let longest = 0;
    for (let n = 0; n < 50; n++) {
      const decision = policy.recordCrash((nowMs += BREAKER_WINDOW_MS / 4 + 1));
      if (decision.restart) longest = Math.max(longest, decision.delayMs);
    }
    expect(longest).toBe(60_000);
    expect(policy.recordCrash(nowMs + BREAKER_WINDOW_MS)).toEqual({ restart: true, delayMs: 500 });
  });

  test('allows one more attempt when the crashes are long ago', () => {
    const policy = new RestartPolicy();
    for (let n = 0; n < 5; n++) policy.recordCrash(n);
    expect(policy.canRetry(BREAKER_WINDOW_MS)).toBe(false);
    expect(policy.canRetry(BREAKER_WINDOW_MS + 5)).toBe(true);
  });

  test('files that crash every engine do not stop the service, and a broken engine with files does', () => {
    const policy = new RestartPolicy();
    let nowMs = 0;
    // Three files of a folder, two attempts each, again and again: others succeed in between.
    for (let folder = 0; folder < 50; folder++) {
      for (let death = 0; death < 6; death++)
        expect(policy.recordFileCrash((nowMs += 1000))).toEqual({ restart: true, delayMs: 500 });
      policy.recordSuccess();
    }
    for (let death = 0; death < 19; death++)
      expect(policy.recordFileCrash((nowMs += 1000))).toMatchObject({ restart: true });
    expect(policy.recordFileCrash((nowMs += 1000))).toEqual({
      restart: false,
      why: 'failed 20 times in a row with files',
    });
    expect(policy.canRetry(nowMs + 179_999)).toBe(false);
    expect(policy.canRetry(nowMs + 180_000)).toBe(true);
    // Only one more attempt.
    expect(policy.recordFileCrash(nowMs + 181_000)).toMatchObject({ restart: false });
  });

  test('a successful file does not excuse crashes without a file', () => {
    const policy = new RestartPolicy();
    const decisions = [0, 1, 2, 3, 4].map((second) => {
      policy.recordSuccess();
      policy.recordFileCrash(second * 1000);
      return policy.recordCrash(second * 1000).restart;
    });
    expect(decisions).toEqual([true, true, true, true, false]);
  });
});
