/**
 * A process for the microphone that is there before it is needed: started, its library loaded, the microphone closed. What
 * a dictation then waits for is the device alone.
 */
import { PcmProcess, type PcmProcessListener } from '../dictate/pcm-process.js';
import type { Listen } from './messages.js';
import { captureModule } from './microphone.js';

interface Waiting {
  readonly process: PcmProcess;
  /** Who hears what it says from now on. */
  readonly giveTo: (listener: PcmProcessListener) => void;
}

export class StandbyMicrophone {
  #waiting: Waiting | undefined;

  /** Starts one, unless one waits already. */
  prepare(): void {
    if (this.#waiting !== undefined) return;
    let owner: PcmProcessListener | undefined;
    const process = new PcmProcess(captureModule(), ['wait'], {
      message: (value) => owner?.message(value),
      over: (how) => {
        if (this.#waiting?.process === process) this.#waiting = undefined;
        owner?.over(how);
      },
    });
    this.#waiting = { process, giveTo: (listener) => (owner = listener) };
  }

  /** Has it listen, and hands it over; undefined if none waits. */
  take(listener: PcmProcessListener, asked: Listen): PcmProcess | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.giveTo(listener);
    waiting?.process.send(asked);
    return waiting?.process;
  }

  /** Nobody is expected to speak soon. */
  dismiss(): void {
    this.#waiting?.process.kill();
    this.#waiting = undefined;
  }
}
