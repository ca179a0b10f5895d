/**
 * When to start an engine again after it died: after 0.5 s, then twice as long each time up to 60 s, and not
 * at all once it died 5 times within 180 s (the rule that language servers are held to: a process that dies
 * at every start would otherwise heat the machine for ever).
 */
export const FIRST_DELAY_MS = 500;
export const MAX_DELAY_MS = 60_000;
export const BREAKER_CRASHES = 5;
export const BREAKER_WINDOW_MS = 180_000;

export type Verdict = { restart: true; delayMs: number } | { restart: false };

export class RestartPolicy {
  #crashesMs: number[] = [];
  #delayMs = FIRST_DELAY_MS;

  /** Notes a crash and says what to do. */
  crashed(nowMs: number): Verdict {
    this.#crashesMs = this.#crashesMs.filter((at) => nowMs - at < BREAKER_WINDOW_MS);
    if (this.#crashesMs.length === 0) this.#delayMs = FIRST_DELAY_MS;
    this.#crashesMs.push(nowMs);
    if (this.#crashesMs.length >= BREAKER_CRASHES) return { restart: false };
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(MAX_DELAY_MS, delayMs * 2);
    return { restart: true, delayMs };
  }

  /** After the breaker opened: whether the crashes lie far enough back for one more try. */
  mayTryAgain(nowMs: number): boolean {
    const last = this.#crashesMs.at(-1);
    return last === undefined || nowMs - last >= BREAKER_WINDOW_MS;
  }
}
