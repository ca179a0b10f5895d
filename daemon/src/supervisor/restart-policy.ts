/**
 * When to start an engine again after it died: after 0.5 s, then twice as long each time up to 60 s, and not
 * at all once it died 5 times within 180 s (the rule that language servers are held to: a process that dies
 * at every start would otherwise heat the machine for ever).
 *
 * A death with a file in work is the file's first of all: a folder may hold several that no engine survives, and each of
 * them has two tries. Such deaths have a bound of their own, so that they do not stop the service for others: 20 in a row
 * without a file or a dictation that went well between them are the engine's.
 */
const FIRST_DELAY_MS = 500;
export const MAX_DELAY_MS = 60_000;
const BREAKER_CRASHES = 5;
export const BREAKER_WINDOW_MS = 180_000;
const MAX_CONSECUTIVE_FILE_CRASHES = 20;

/** `why` completes "the speech engine …". */
type RestartDecision = { restart: true; delayMs: number } | { restart: false; why: string };

export class RestartPolicy {
  #crashesMs: number[] = [];
  #delayMs = FIRST_DELAY_MS;
  #fileCrashes = 0;
  #lastMs: number | undefined;

  /** Notes a crash and says what to do. */
  recordCrash(nowMs: number): RestartDecision {
    this.#lastMs = nowMs;
    this.#crashesMs = this.#crashesMs.filter((at) => nowMs - at < BREAKER_WINDOW_MS);
    if (this.#crashesMs.length === 0) this.#delayMs = FIRST_DELAY_MS;
    this.#crashesMs.push(nowMs);
    if (this.#crashesMs.length >= BREAKER_CRASHES)
      return { restart: false, why: `failed ${BREAKER_CRASHES} times within ${BREAKER_WINDOW_MS / 1000} s` };
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(MAX_DELAY_MS, delayMs * 2);
    return { restart: true, delayMs };
  }

  /** Notes a crash with a file in work. */
  recordFileCrash(nowMs: number): RestartDecision {
    this.#lastMs = nowMs;
    this.#fileCrashes += 1;
    if (this.#fileCrashes >= MAX_CONSECUTIVE_FILE_CRASHES)
      return { restart: false, why: `failed ${this.#fileCrashes} times in a row with files` };
    return { restart: true, delayMs: FIRST_DELAY_MS };
  }

  /** A file or a dictation went well: what died before it died of its files. */
  recordSuccess(): void {
    this.#fileCrashes = 0;
  }

  /** After the breaker opened: whether the crashes lie far enough back for one more try. */
  canRetry(nowMs: number): boolean {
    return this.#lastMs === undefined || nowMs - this.#lastMs >= BREAKER_WINDOW_MS;
  }
}
