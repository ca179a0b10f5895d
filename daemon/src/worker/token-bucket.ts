/** `--rate 30/minute`: limits how often a worker starts jobs. */
import { InvalidArgumentError } from 'commander';

export interface Rate {
  readonly jobs: number;
  readonly perMs: number;
}

const UNITS: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

export function parseRate(value: string): Rate {
  const [, number = '', unit = 'minute'] = /^(\d{1,6})(?:\/(second|minute|hour|day))?$/.exec(value) ?? [];
  const perMs = UNITS[unit];
  if (!(Number(number) > 0) || perMs === undefined)
    throw new InvalidArgumentError('must be a number of files per time, such as 30/minute or 500/day');
  return { jobs: Number(number), perMs };
}

export class TokenBucket {
  readonly #intervalMs: number;
  readonly #capacity: number;
  readonly #now: () => number;
  #tokens: number;
  #filledMs: number;

  /**
   * @param rate no limit if undefined
   * @param capacity jobs that may start at once: the concurrency
   */
  constructor(rate: Rate | undefined, capacity = 1, now: () => number = () => performance.now()) {
    this.#intervalMs = rate === undefined ? 0 : rate.perMs / rate.jobs;
    this.#capacity = capacity;
    this.#now = now;
    this.#tokens = capacity;
    this.#filledMs = now();
  }

  /** Consumes a token if there is one. @returns whether a job may start */
  tryConsume(): boolean {
    if (this.waitMs() > 0) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until the next token. */
  waitMs(): number {
    if (this.#intervalMs === 0) return 0;
    const now = this.#now();
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#filledMs) / this.#intervalMs);
    this.#filledMs = now;
    // Allows for rounding errors.
    return this.#tokens > 1 - 1e-9 ? 0 : Math.ceil((1 - this.#tokens) * this.#intervalMs);
  }
}
