/**
 * Limits the number of concurrent requests that use the engine. Further requests get BUSY before their body is read, because
 * each waiting request costs an open file.
 */
import { SottoError } from '../../protocol/errors.js';

const MAX_ACTIVE_REQUESTS = 256;

interface AdmissionOptions {
  readonly maxActive?: number;
  /** Called when the first request is admitted, and when the last one has ended. */
  readonly onIdleChange?: (idle: boolean) => void;
}

export class Admission {
  readonly #maxActive: number;
  readonly #onIdleChange: ((idle: boolean) => void) | undefined;
  #active = 0;
  #admitted = 0;

  constructor({ maxActive = MAX_ACTIVE_REQUESTS, onIdleChange }: AdmissionOptions = {}) {
    this.#maxActive = maxActive;
    this.#onIdleChange = onIdleChange;
  }

  get active(): number {
    return this.#active;
  }

  /** Total number of admitted requests. */
  get admitted(): number {
    return this.#admitted;
  }

  /**
   * @returns function to call at the end of the request
   * @throws SottoError BUSY
   */
  enter(): () => void {
    if (this.#active >= this.#maxActive) {
      throw new SottoError('BUSY', `${this.#maxActive} requests are in progress`, {
        hint: 'wait for some of them to finish, then try again',
      });
    }
    this.#active += 1;
    this.#admitted += 1;
    if (this.#active === 1) this.#onIdleChange?.(false);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#active -= 1;
      if (this.#active === 0) this.#onIdleChange?.(true);
    };
  }
}
