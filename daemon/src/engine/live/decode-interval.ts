/**
 * How much audio is collected before each decode step. Steps that take longer than their audio would starve
 * everything else, so the interval grows before that point, and shrinks again when there is room.
 */

/**
 * Twice as many steps cost twice as much, and show words some 0.6 s sooner: figures in daemon/src/models/NOTES.md.
 */
export const INTERVALS_SECONDS = [0.5, 1, 1.5, 2] as const;

/** Of the interval. */
const GROW_ABOVE_FRACTION = 0.7;
/** Of the next smaller interval; nothing changes between the two limits, or the interval would oscillate. */
const SHRINK_BELOW_FRACTION = 0.4;
/** One step may be slow for many reasons; several in a row mean a slow machine. */
const STEPS_BEFORE_CHANGE = 2;

export class DecodeInterval {
  readonly #intervals: readonly [number, ...number[]];
  #step: number;
  #slow = 0;
  #quick = 0;

  constructor(
    intervalSeconds: number = INTERVALS_SECONDS[0],
    intervals: readonly [number, ...number[]] = INTERVALS_SECONDS,
  ) {
    this.#intervals = intervals;
    this.#step = Math.max(
      0,
      intervals.findIndex((seconds) => seconds === intervalSeconds),
    );
  }

  get intervalSeconds(): number {
    return this.#intervals[this.#step] ?? this.#intervals[0];
  }

  /** Records how long a step took, including its wait for others. */
  decoded(seconds: number): void {
    const below = this.#intervals[this.#step - 1];
    this.#slow = seconds > GROW_ABOVE_FRACTION * this.intervalSeconds ? this.#slow + 1 : 0;
    this.#quick = below !== undefined && seconds < SHRINK_BELOW_FRACTION * below ? this.#quick + 1 : 0;
    if (this.#slow >= STEPS_BEFORE_CHANGE && this.#step < this.#intervals.length - 1) this.#move(1);
    else if (this.#quick >= STEPS_BEFORE_CHANGE) this.#move(-1);
  }

  #move(steps: number): void {
    this.#step += steps;
    this.#slow = this.#quick = 0;
  }
}
