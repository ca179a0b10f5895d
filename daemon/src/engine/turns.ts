/**
 * Who computes next. Looks at speech that goes on come first, one at a time in the order in which they are asked for, so that
 * no session looks twice while another one waits. File jobs go on between them: their next step begins when no look waits.
 */

/** A step of a file waits for no more looks than this: where looks never end, files go on slowly. */
const MAX_CONSECUTIVE_DECODES = 8;

export class Turns {
  #tail: Promise<unknown> = Promise.resolve();
  #looks = 0;
  #waiting: (() => void)[] = [];
  /** Looks that were done while the files that wait did so. */
  #passed = 0;

  /** Runs a look when those that were asked for before it are done. */
  live<T>(look: () => Promise<T>): Promise<T> {
    this.#looks += 1;
    const turn = this.#tail.then(look).finally(() => this.#done());
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Runs work that somebody waits for and that asks for a turn for each of its steps: files wait until its end. */
  async steps<T>(work: () => Promise<T>): Promise<T> {
    this.#looks += 1;
    try {
      return await work();
    } finally {
      this.#done();
    }
  }

  /** Resolves once no look waits or runs, at once as a rule; also when `signal` is aborted: a cancel waits for nobody. */
  file(signal: AbortSignal): Promise<void> | undefined {
    if (this.#looks === 0 || signal.aborted) return undefined;
    return new Promise((resolve) => {
      const go = (): void => {
        signal.removeEventListener('abort', go);
        resolve();
      };
      signal.addEventListener('abort', go);
      this.#waiting.push(go);
    });
  }

  #done(): void {
    this.#looks -= 1;
    this.#passed = this.#waiting.length === 0 ? 0 : this.#passed + 1;
    if (this.#looks > 0 && this.#passed < MAX_CONSECUTIVE_DECODES) return;
    this.#passed = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }
}
