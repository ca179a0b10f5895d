/**
 * Decides who computes next. Decode steps of live sessions go first, one at a time in the order of arrival, so that
 * no session decodes twice while another one waits. Then speech that a listener waits for, one step at a time. File
 * jobs run between them: their next step starts when neither a decode nor speech waits.
 */

/** Speech or a file waits for at most this many decodes, so both advance slowly even if decodes never end. */
const MAX_CONSECUTIVE_DECODES = 8;

export class ComputeScheduler {
  #tail: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #speechTail: Promise<unknown> = Promise.resolve();
  /** Steps of speech that are waiting or running. */
  #pendingSpeech = 0;
  #waitingSpeech: (() => void)[] = [];
  #waitingFiles: (() => void)[] = [];
  /** Decodes done while speech or a file waits. */
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

  /** Runs a step of speech: after the steps requested before it, and the decodes that wait. */
  runSpeech<T>(step: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#pendingSpeech += 1;
    const turn = this.#speechTail
      .then(async () => {
        if (this.#pending > 0) await this.#wait(this.#waitingSpeech, signal);
        return step();
      })
      .finally(() => {
        this.#pendingSpeech -= 1;
        if (this.#pending === 0) this.#resumeFiles();
      });
    this.#speechTail = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Resolves once neither a decode nor speech is waiting or running, usually at once, or when `signal` is aborted.
   */
  yieldToRealtime(signal: AbortSignal): Promise<void> | undefined {
    if (this.#pending + this.#pendingSpeech === 0 || signal.aborted) return undefined;
    return this.#wait(this.#waitingFiles, signal);
  }

  #wait(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const resume = (): void => {
        signal.removeEventListener('abort', resume);
        resolve();
      };
      signal.addEventListener('abort', resume);
      waiting.push(resume);
    });
  }

  #done(): void {
    this.#pending -= 1;
    const isAwaited = this.#waitingSpeech.length + this.#waitingFiles.length > 0;
    this.#decodesWhileWaiting = isAwaited ? this.#decodesWhileWaiting + 1 : 0;
    if (this.#pending > 0 && this.#decodesWhileWaiting < MAX_CONSECUTIVE_DECODES) return;
    this.#decodesWhileWaiting = 0;
    for (const resume of this.#waitingSpeech.splice(0)) resume();
    this.#resumeFiles();
  }

  /** Files wait for speech; it never lasts long, since it is computed only a few seconds ahead. */
  #resumeFiles(): void {
    if (this.#pendingSpeech > 0) return;
    for (const resume of this.#waitingFiles.splice(0)) resume();
  }
}
