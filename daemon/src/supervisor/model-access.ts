/**
 * Whether a model's folder can be opened here, known before the engine is asked: macOS asks the user before a background
 * service reads Desktop, Documents and others, and `open` may not return until the user answers. An engine that waits there
 * serves no other job. Folders of Sotto's own are not looked at.
 */
import { dirname, join, resolve } from 'node:path';
import type { Clock, Timer } from '../clock.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { openInProcess, OPEN_TIMEOUT_MS, type TryOpen } from './file-access.js';

interface ModelAccessOptions {
  readonly clock: Clock;
  /** Folders whose models Sotto put there; the first one is where users may put theirs. */
  readonly own: readonly string[];
  readonly tryOpen?: TryOpen;
}

/** What those who pass a model to the engine see of it. */
export interface ModelAccess {
  /**
   * @param dir absolute path of a model's folder
   * @returns why it can't be used, within 2 s; undefined where the engine may open it, or is the one to tell what is wrong
   */
  check(dir: string): Promise<SottoError | undefined>;
  /** Whether `check` is sure to say yes. */
  isOwn(dir: string): boolean;
}

export class ProcessModelAccess implements ModelAccess {
  readonly #options: ModelAccessOptions;
  readonly #own: ReadonlySet<string>;
  /** A folder that several ask about is tried once. */
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
      ? `Sotto’s background service may not read the model folder ${path}`
      : `the model folder ${path} did not open within ${OPEN_TIMEOUT_MS / 1000} s`;
  return new SottoError('MODEL_UNREADABLE', what, {
    hint: `move it into ${models}, or on macOS allow Node in Privacy & Security › Files and Folders`,
  });
}
