/**
 * Who computes next. Looks at speech that goes on come first, one at a time in the order in which they are asked for, so that
 * no session looks twice while another one waits. File jobs go on between them: their next step begins when no look waits.
 */

/** A step of a file waits for no more looks than this: where looks never end, files go on slowly. */
const MAX_CONSECUTIVE_DECODES = 8;

export class ComputeScheduler {
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #waiting: (() => void)[] = [];
  /** Looks that were done while the files that wait did so. */
  #decodesWhileWaiting = 0;

  /** Runs a look when those that were asked for before it are done. */
  runRealtime<T>(step: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    const turn = this.#tail.then(step).finally(() => this.#done());
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Runs work that somebody waits for and that asks for a turn for each of its steps: files wait until its end. */
  async runBatch<T>(work: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    try {
      return await work();
    } finally {
      this.#done();
    }
  }

  /** Resolves once no look waits or runs, at once as a rule; also when `signal` is aborted: a cancel waits for nobody. */
  yieldToRealtime(signal: AbortSignal): Promise<void> | undefined {
    if (this.#pending === 0 || signal.aborted) return undefined;
    return new Promise((resolve) => {
      const resume = (): void => {
        signal.removeEventListener('abort', resume);
        resolve();
      };
      signal.addEventListener('abort', resume);
      this.#waiting.push(resume);
    });
  }

  #done(): void {
    this.#pending -= 1;
    this.#decodesWhileWaiting = this.#waiting.length === 0 ? 0 : this.#decodesWhileWaiting + 1;
    if (this.#pending > 0 && this.#decodesWhileWaiting < MAX_CONSECUTIVE_DECODES) return;
    this.#decodesWhileWaiting = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
