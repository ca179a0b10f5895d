/**
 * Decides who computes next. Decode steps of live sessions go first, one at a time in the order of arrival, so that
 * no session decodes twice while another one waits. File jobs run between them: their next step starts when no
 * decode waits.
 */

/** A step of a file waits for at most this many decodes, so files advance slowly even if decodes never end. */
const MAX_CONSECUTIVE_DECODES = 8;

export class ComputeScheduler {
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #waiting: (() => void)[] = [];
  /** Decodes done while a file step waits. */
  #decodesWhileWaiting = 0;

  /** Runs a decode step after those that were requested before it. */
  runRealtime<T>(step: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    const turn = this.#tail.then(step).finally(() => this.#done());
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Runs work in several realtime steps that a user waits for: file jobs wait until it ends. */
  async runBatch<T>(work: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    try {
      return await work();
    } finally {
      this.#done();
    }
  }

  /** Resolves once no decode is waiting or running, usually at once, or when `signal` is aborted. */
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
