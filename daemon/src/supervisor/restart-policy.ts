/**
 * When to restart an engine that died: after 0.5 s, then twice as long each time up to 60 s, and not at all after 5
 * deaths within 180 s (the rule of language servers: a process that dies at every start would otherwise heat the
 * machine forever).
 *
 * A death during a file is first of all the file's fault: a directory may hold several that crash any engine, and
 * each of them has two attempts. Such deaths have a limit of their own, so that they do not stop the service for
 * others: 20 in a row without a successful file or dictation between them are the engine's fault.
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

  /** Records a crash and decides what to do. */
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

  /** Records a crash during a file. */
  recordFileCrash(nowMs: number): RestartDecision {
    this.#lastMs = nowMs;
    this.#fileCrashes += 1;
    if (this.#fileCrashes >= MAX_CONSECUTIVE_FILE_CRASHES)
      return { restart: false, why: `failed ${this.#fileCrashes} times in a row with files` };
    return { restart: true, delayMs: FIRST_DELAY_MS };
  }

  /** A file or a dictation succeeded, so earlier crashes were caused by their files. */
  recordSuccess(): void {
    this.#fileCrashes = 0;
  }

  /** Whether the last crash is long enough ago for one more attempt after the breaker opened. */
  canRetry(nowMs: number): boolean {
    return this.#lastMs === undefined || nowMs - this.#lastMs >= BREAKER_WINDOW_MS;
  }
}
