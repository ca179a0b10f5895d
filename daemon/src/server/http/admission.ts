/**
 * How many calls that make work are let in at a time. The rest hears BUSY before a byte of its body is read: what waits costs
 * an open file each, and nobody waits gladly behind a thousand others.
 */
import { SottoError } from '../../protocol/errors.js';

const MOST_AT_ONCE = 256;

export interface AdmissionOptions {
  readonly most?: number;
  /** Told when the first call comes in, and when the last one has left. */
  readonly onIdleChange?: (idle: boolean) => void;
}

export class Admission {
  readonly #most: number;
  readonly #onIdleChange: ((idle: boolean) => void) | undefined;
  #inside = 0;
  #admitted = 0;

  constructor({ most = MOST_AT_ONCE, onIdleChange }: AdmissionOptions = {}) {
    this.#most = most;
    this.#onIdleChange = onIdleChange;
  }

  /** Calls that are being worked on. */
  get inside(): number {
    return this.#inside;
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
    if (this.#inside >= this.#most) {
      throw new SottoError('BUSY', `${this.#most} requests are being worked on`, {
        hint: 'wait for some of them to end, then try again',
      });
    }
    this.#inside += 1;
    this.#admitted += 1;
    if (this.#inside === 1) this.#onIdleChange?.(false);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inside -= 1;
      if (this.#inside === 0) this.#onIdleChange?.(true);
    };
  }
}
