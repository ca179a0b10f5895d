/**
 * Checks whether the daemon can open a model's directory before the engine tries: macOS asks the user before a
 * background service reads Desktop, Documents and others, and `open` may not return until the user answers. An
 * engine that waits there serves nothing else. Sotto's own directories are not checked.
 */
import { dirname, join, resolve } from 'node:path';
import type { Clock, Timer } from '../clock.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { openInProcess, OPEN_TIMEOUT_MS, type TryOpen } from './file-access.js';

interface ModelAccessOptions {
  readonly clock: Clock;
  /** Directories of Sotto's own models; users may put theirs into the first one. */
  readonly own: readonly string[];
  readonly tryOpen?: TryOpen;
}

/** Model access as the callers of the engine use it. */
export interface ModelAccess {
  /**
   * @param dir absolute path of a model's directory
   * @returns why it can't be used, within 2 s; undefined if the engine may open it, or reports what is wrong
   */
  check(dir: string): Promise<SottoError | undefined>;
  /** Whether `check` always succeeds. */
  isOwn(dir: string): boolean;
}

export class ProcessModelAccess implements ModelAccess {
  readonly #options: ModelAccessOptions;
  readonly #own: ReadonlySet<string>;
  /** Concurrent checks of a directory share one process. */
  readonly #checks = new Map<string, Promise<SottoError | undefined>>();

  constructor(options: ModelAccessOptions) {
    this.#options = options;
    this.#own = new Set(options.own.map((folder) => resolve(folder)));
  }

  isOwn(dir: string): boolean {
    return this.#own.has(dirname(resolve(dir)));
  }

  check(dir: string): Promise<SottoError | undefined> {
    if (this.isOwn(dir)) return Promise.resolve(undefined);
    let check = this.#checks.get(dir);
    if (check === undefined) {
      check = this.#try(dir).finally(() => this.#checks.delete(dir));
      this.#checks.set(dir, check);
    }
    return check;
  }

  async #try(dir: string): Promise<SottoError | undefined> {
    const { clock, tryOpen = openInProcess } = this.#options;
    const stop = new AbortController();
    let stopTimer: Timer | undefined;
    const slow = new Promise<'slow'>((done) => {
      stopTimer = clock.after(OPEN_TIMEOUT_MS, () => done('slow'));
    });
    const opened = tryOpen(join(dir, 'config.json'), stop.signal).then(
      () => 'open' as const,
      (error: unknown) => (['EPERM', 'EACCES'].includes(codeOf(error) ?? '') ? 'denied' : 'open'),
    );
    try {
      const answer = await Promise.race([opened, slow]);
      return answer === 'open'
        ? undefined
        : unreadable(dir, answer, this.#options.own[0] ?? 'Sotto’s models folder');
    } finally {
      stopTimer?.cancel();
      stop.abort();
    }
  }
}

function unreadable(dir: string, why: 'denied' | 'slow', models: string): SottoError {
  const path = JSON.stringify(dir);
  const what =
    why === 'denied'
      ? `Sotto’s background service has no access to the model folder ${path}`
      : `the model folder ${path} did not open within ${OPEN_TIMEOUT_MS / 1000} s`;
  return new SottoError('MODEL_UNREADABLE', what, {
    hint: `move it into ${models}, or on macOS allow Node in Privacy & Security › Files and Folders`,
  });
}
