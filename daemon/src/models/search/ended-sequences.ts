/** The sequences of a search that have ended, and whether it continues for better ones. */
interface EndOptions<Ended> {
  /** The search is over once so many have ended. */
  readonly max: number;
  /** See `BeamOptions`. */
  readonly earlyStopping: boolean;
  /** Compares sequences of different lengths. */
  readonly score: (sequence: Ended) => number;
}

export class EndedSequences<Ended> {
  readonly #options: EndOptions<Ended>;
  readonly #all: Ended[] = [];

  constructor(options: EndOptions<Ended>) {
    this.#options = options;
  }

  get all(): readonly Ended[] {
    return this.#all;
  }

  get isFull(): boolean {
    return this.#all.length >= this.#options.max;
  }

  /** Beyond `max` the best ones stay; with early stopping, the first. */
  add(sequence: Ended): void {
    const { earlyStopping, score } = this.#options;
    if (!this.isFull) this.#all.push(sequence);
    else if (!earlyStopping) {
      this.#all.push(sequence);
      this.#all.sort((a, b) => score(b) - score(a)).pop();
    }
  }

  /** Adds one even beyond `max`. */
  addBeyond(sequence: Ended): void {
    this.#all.push(sequence);
  }

  /** Whether a search with these continuing sequences is over. */
  isOver(active: readonly Ended[]): boolean {
    if (!this.isFull) return false;
    const { earlyStopping, score } = this.#options;
    const bestScore = (sequences: readonly Ended[]): number => Math.max(...sequences.map(score));
    return earlyStopping || bestScore(active) <= bestScore(this.#all);
  }
}
