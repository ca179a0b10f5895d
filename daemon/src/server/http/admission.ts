/**
 * How many calls that make work are let in at a time. The rest hears BUSY before a byte of its body is read: what waits costs
 * an open file each, and nobody waits gladly behind a thousand others.
 */
import { SottoError } from '../../protocol/errors.js';

const MAX_ACTIVE_REQUESTS = 256;

interface AdmissionOptions {
  readonly maxActive?: number;
  /** Told when the first call comes in, and when the last one has left. */
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

  /** Calls that are being worked on. */
  get active(): number {
    return this.#active;
  }

  /** Calls that were ever let in. */
  get admitted(): number {
    return this.#admitted;
  }

  /**
   * @returns what to call once the work is over
   * @throws SottoError BUSY
   */
  enter(): () => void {
    if (this.#active >= this.#maxActive) {
      throw new SottoError('BUSY', `${this.#maxActive} requests are being worked on`, {
        hint: 'wait for some of them to end, then try again',
      });
    }
    this.#active += 1;
    this.#admitted += 1;
    if (this.#active === 1) this.#onIdleChange?.(false);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#active -= 1;
      if (this.#active === 0) this.#onIdleChange?.(true);
    };
  }
}
