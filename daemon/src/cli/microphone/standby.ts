/**
 * A process for the microphone that is there before it is needed: started, the sound system loaded, the microphone closed.
 * What a dictation then waits for is the device alone.
 */
import { MicProcess } from './mic-process.js';

export class StandbyMicrophone {
  #waiting: MicProcess | undefined;

  /** Starts one, unless one waits already. */
  prepare(): void {
    if (this.#waiting?.isOver === false) return;
    this.#waiting = new MicProcess();
  }

  /** Hands it over; undefined if none waits. */
  handOver(): MicProcess | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting?.isOver === false ? waiting : undefined;
  }

  /** Nobody is expected to speak soon. */
  dismiss(): void {
    this.#waiting?.kill();
    this.#waiting = undefined;
  }
}
