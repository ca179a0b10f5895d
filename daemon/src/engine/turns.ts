/**
 * Who computes next. Looks at speech that goes on come first, one at a time in the order in which they are asked for, so that
 * no session looks twice while another one waits. File jobs go on between them: their next step begins when no look waits.
 */
export class Turns {
  #tail: Promise<unknown> = Promise.resolve();
  #looks = 0;
  #waiting: (() => void)[] = [];

  /** Runs a look when those that were asked for before it are done. */
  live<T>(look: () => Promise<T>): Promise<T> {
    this.#looks += 1;
    const turn = this.#tail.then(look).finally(() => this.#done());
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves once no look waits or runs: at once, as a rule. */
  file(): Promise<void> | undefined {
    if (this.#looks === 0) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #done(): void {
    this.#looks -= 1;
    if (this.#looks > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
