/** A clock that a test advances; due timers then run in order. */
import { systemClock, type Clock, type Timer } from '#daemon/clock.js';

export class VirtualClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; fn: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, fn: () => void): Timer {
    const timer = { atMs: this.#nowMs + ms, fn };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  /** Advances time, running each due timer. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fn();
    }
    this.#nowMs = endMs;
  }

  /** Simulates sleep: time jumps, and overdue timers run now. */
  jump(ms: number): void {
    this.#nowMs += ms;
    this.advance(0);
  }
}

/** Real time eight times faster, to live through back-offs and timeouts. */
export const acceleratedClock: Clock = accelerateClock(8);

export function accelerateClock(factor: number): Clock {
  return {
    nowMs: () => systemClock.nowMs() * factor,
    after: (ms, fn) => systemClock.after(ms / factor, fn),
  };
}
