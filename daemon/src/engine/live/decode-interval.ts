/**
 * How much audio is gathered before it is looked at again. A look that takes longer than the audio behind it leaves less and
 * less of the machine to anything else, so the interval grows before that, and shrinks again when there is room.
 */

/** Twice as often costs twice as much, and shows words some 0.6 s sooner: figures in daemon/src/models/README.md. */
export const INTERVALS_SECONDS = [0.5, 1, 1.5, 2] as const;

/** Of the interval. */
const GROW_ABOVE_FRACTION = 0.7;
/** Of the interval below: between the two nothing changes, or it would swing. */
const SHRINK_BELOW_FRACTION = 0.4;
/** One look may be slow for many reasons; so many in a row are a slow machine. */
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

  /** Notes how long a look took, its wait for others included. */
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
