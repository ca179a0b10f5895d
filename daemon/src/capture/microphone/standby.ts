/**
 * A microphone process that is started ahead of a dictation, with the audio system loaded and the microphone
 * closed. A dictation then only waits for the device.
 */
import { MicProcess } from './mic-process.js';

export class StandbyMicrophone {
  #waiting: MicProcess | undefined;

  /** Starts a process, unless one is waiting. */
  prepare(): void {
    if (this.#waiting?.isOver === false) return;
    this.#waiting = new MicProcess();
  }

  /** Hands the process over; undefined if none is waiting. */
  handOver(): MicProcess | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting?.isOver === false ? waiting : undefined;
  }

  /** Ends the process when no dictation is expected soon. */
  dismiss(): void {
    this.#waiting?.kill();
    this.#waiting = undefined;
  }
}
