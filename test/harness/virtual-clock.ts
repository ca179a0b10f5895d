/** A clock that stands still until it is moved; then everything that falls due happens in order. */
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

  /** Lets time pass timer by timer. */
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

  /** The machine slept: time is later, and what fell due meanwhile happens only now. */
  jump(ms: number): void {
    this.#nowMs += ms;
    this.advance(0);
  }
}

/** Real time in a hurry: eight seconds of it pass in one, so that back-offs and watches can be lived through. */
export const acceleratedClock: Clock = accelerateClock(8);

/** So many seconds in one. */
export function accelerateClock(factor: number): Clock {
  return {
    nowMs: () => systemClock.nowMs() * factor,
    after: (ms, fn) => systemClock.after(ms / factor, fn),
  };
}
